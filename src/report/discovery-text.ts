import type { Discovery } from '../model/discovery.ts';
import { countText } from './cause-text.ts';
import type { Wiring } from './compose-wiring.ts';
import type { Page } from './paint.ts';
import { className } from './stack-source.ts';
import { columns, hang } from './table.ts';

/** What was found and written, what to look at, and what comes next. `path` is the file's; null: it was only shown. No newline at the end. */
export function renderDiscovery(
  discovery: Discovery,
  wiring: Wiring,
  path: string | null,
  page: Page,
): string {
  const { stack, secrets, consumers, vault, swarm } = discovery;
  const count = (found: string): number => secrets.filter((each) => each.found === found).length;
  const where = vault === null ? `swarm ${swarm.name}` : `swarm ${swarm.name} and vault ${vault}`;
  const said = [...discovery.said, ...wiring.said];
  return [
    ...hang(
      '',
      `${stack}: ${countText(secrets.length, 'secret')} and ${countText(consumers.length, 'consumer')} found on ${where}`,
      page,
      { text: 'bold' },
    ),
    `  ${count('both')} on both, ${count('swarm')} only on the swarm, ${count('vault')} only in the vault`,
    ...(said.length === 0 ? [] : ['', page.paint('yellow', 'Look at these')]),
    ...said.flatMap((text) => hang('  - ', text, page)),
    ...wiringLines(wiring, page),
    ...(path === null ? [] : ['', ...nextLines(stack, path, wiring, page)]),
  ].join('\n');
}

function wiringLines({ lines }: Wiring, page: Page): string[] {
  if (lines.length === 0) return [];
  const rows = lines.map(({ where, was, shall }) => [where, was, shall]);
  return [
    '',
    page.paint('bold', 'In the compose files, so that no deploy names an old version again'),
    ...columns(rows, page, { indent: 2, head: ['WHERE', 'IS NOW', 'SHALL BE'] }),
  ];
}

function nextLines(stack: string, path: string, wiring: Wiring, page: Page): string[] {
  const name = className(stack);
  const steps = [
    `in main.ts: import { ${name} } from './${path}'; and new ${name}(app, '${stack}');`,
    'keyturn import --all: puts it on record, and changes nothing outside',
    'keyturn plan: says that there is nothing to do',
    ...(wiring.lines.length === 0
      ? []
      : [`env $(keyturn output ${stack} | grep -v '^#') docker stack deploy -c FILE STACK`]),
  ];
  return [
    `wrote ${path}`,
    '',
    page.paint('bold', 'Next'),
    ...steps.flatMap((step, index) => hang(`  ${index + 1}. `, step, page)),
  ];
}
