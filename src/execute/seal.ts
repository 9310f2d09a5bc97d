import type { FaultRecord } from '../model/fault.ts';
import { asFault, Fault } from '../model/fault.ts';
import type { Recorded } from '../model/recorded.ts';
import type { Seal } from '../model/seal.ts';
import type { Work } from './work.ts';

/**
 * Lets every vault of the stack witness the newest history entry. No fault of it reaches the apply, whose work is done
 * and recorded: they are returned. A vault that witnessed an entry which this history does not hold keeps its seal,
 * because writing over it would hide that the history was rewritten.
 */
export async function sealHead(
  work: Work,
  { stack, lineage, head }: Recorded,
  digestAt: (entry: number) => Promise<string | null>,
): Promise<FaultRecord[]> {
  if (head === null) return [];
  const seal = { stack, lineage, ...head };
  const faults = [...work.outside.vaults.values()].map(async (vault) => {
    try {
      await vault.seal(
        seal,
        async (there) => {
          if ((await digestAt(there.entry)) !== there.digest) throw parted(there, vault.name);
        },
        work.lost,
      );
      return [];
    } catch (thrown) {
      return [asFault(thrown).toJSON()];
    }
  });
  return (await Promise.all(faults)).flat();
}

function parted({ entry, at, stack }: Seal, vault: string): Fault {
  return new Fault({
    code: 'record-conflict',
    what: `the history does not hold the entry ${entry} that vault "${vault}" sealed at ${at}: it was rewritten, or is another one`,
    where: `vault://${vault}/keyturn-anchor`,
    live: 'the seal was left as it is',
    next: `keyturn history verify ${stack} says what is wrong; where it is right all the same: keyturn history seal ${stack}`,
  });
}
