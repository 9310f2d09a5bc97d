import http from 'node:http';
import { TAG_STACK } from '../../src/model/observed.ts';
import { recordedVersion, priorVersion } from '../../src/model/recorded.ts';
import { secretAddress } from '../../src/model/address.ts';
import { STACK, VAULT } from '../support/world.ts';
import type { FileEdit, Meddling } from './case.ts';
import type { Ordeal } from './ordeal.ts';
import { deploy } from './ordeal.ts';
import type { Owner } from './timeline.ts';

const SOMEONE: Owner = { state: 'running' };

/** Somebody with the portal and a Docker client. What they did is told to the checker, which holds nobody to it. */
export class Someone {
  readonly #ordeal: Ordeal;
  #writes = 0;

  constructor(ordeal: Ordeal) {
    this.#ordeal = ordeal;
  }

  async meddle(meddling: Meddling): Promise<void> {
    const { admin, byHand } = this.#ordeal.checker;
    switch (meddling.act) {
      case 'scale':
        byHand.services.add(meddling.service);
        return this.#update(meddling.service, (spec) => {
          spec['Mode'] = { Replicated: { Replicas: meddling.replicas } };
        });
      case 'redeploy':
        byHand.services.add(meddling.service);
        return this.#update(meddling.service, (spec) => {
          spec['UpdateConfig'] = {
            ...(spec['UpdateConfig'] as object),
            FailureAction: meddling.failureAction,
          };
        });
      case 'remove service':
        byHand.services.add(meddling.service);
        await this.#swarm('DELETE', `/services/${meddling.service}`);
        return;
      case 'remove copy': {
        const used = new Set(admin.uses().flatMap(({ by, copyId }) => (by === 'spec' ? [copyId] : [])));
        const [copy] = admin
          .copies()
          .filter(({ id, labels }) => !used.has(id) && labels[TAG_STACK] === STACK);
        if (copy === undefined) return;
        byHand.removed.add(copy.id);
        await this.#swarm('DELETE', `/secrets/${copy.id}`);
        return;
      }
      case 'write':
        return this.#write(meddling.secret, {});
      case 'copy tags': {
        const tags = this.#version(meddling.secret, meddling.of)?.tags;
        return tags === undefined ? undefined : this.#write(meddling.secret, tags);
      }
      case 'disable': {
        const version = this.#version(meddling.secret, meddling.which);
        if (version === undefined) return;
        byHand.disabled.add(version.value);
        await this.#vault('PATCH', `/secrets/${meddling.secret}/${version.id}`, {
          attributes: { enabled: false },
        });
        return;
      }
      case 'edit file':
        return this.#edit(meddling.file, meddling.how);
    }
  }

  /** Somebody at the host's keyboard. */
  #edit(path: string, how: FileEdit): void {
    const { machine, checker } = this.#ordeal;
    if (machine === null || checker.files === null) return;
    const before = machine.now(path);
    const older = checker.files.older(path);
    const marker = `${path}.keyturn`;
    const text = before.text ?? '';
    this.#writes += 1;
    switch (how) {
      case 'another line':
      case 'another line, by another file':
        machine.put(path, `${text}BY_HAND_${this.#writes}=1\n`, how === 'another line');
        break;
      case 'a value':
        machine.put(path, text.replace(/^(S\d+)=.*$/m, `$1=foreign-${this.#writes}`), true);
        break;
      case 'the file before':
        if (older?.text != null) machine.put(path, older.text, false);
        break;
      case 'the marker before':
        if (older?.marker != null) machine.put(marker, older.marker.text, false);
        break;
      case 'both before':
        if (older?.text != null) machine.put(path, older.text, false);
        if (older?.marker != null) machine.put(marker, older.marker.text, false);
        break;
      case 'no file':
        machine.remove(path);
        break;
      case 'no marker':
        machine.remove(marker);
        break;
    }
    checker.files.edit(before);
  }

  /** Takes variables out of a file, and has it read anew. */
  #cut(path: string, targets: readonly string[]): void {
    const { machine, checker } = this.#ordeal;
    if (machine === null) return;
    const before = machine.now(path);
    const lines = (before.text ?? '').split('\n').filter((line) => {
      return !targets.some((target) => line.startsWith(`${target}=`));
    });
    machine.put(path, lines.join('\n'), false);
    checker.files?.edit(before);
  }

  /** Starts again what reads the files, as they are now. */
  restart(): void {
    const { machine } = this.#ordeal;
    machine?.tune();
    for (const { restarts } of machine?.files ?? [])
      for (const restart of restarts) machine?.restartByHand(restart);
  }

  /** Deploys again what a stack needs and somebody removed. */
  repair(): void {
    const there = this.#ordeal.checker.admin.serviceNames();
    for (const { kind, service, optional } of this.#ordeal.declared.consumers)
      if (kind === 'swarm-service' && !optional && !there.includes(service))
        deploy(this.#ordeal.swarm, service, 1);
  }

  /** Takes out of the services what they still mount that no service takes, where the stack no longer declares the mount. */
  async unmount(): Promise<void> {
    const { checker, declared } = this.#ordeal;
    for (const { kind, service, mounts } of declared.consumers) {
      const isStray = (target: string, copyId: string): boolean =>
        !mounts.some((mount) => mount.target === target) && checker.isUnfit(copyId);
      const strays = (checker.admin.service(service)?.references ?? []).filter(({ target, copyId }) =>
        isStray(target, copyId),
      );
      if (strays.length === 0) continue;
      checker.byHand.services.add(service);
      if (kind === 'env-file') {
        this.#cut(
          service,
          strays.map(({ target }) => target),
        );
        continue;
      }
      await this.#update(service, ({ TaskTemplate }) => {
        const { ContainerSpec } = TaskTemplate as { ContainerSpec: { Secrets: { SecretID: string }[] } };
        ContainerSpec.Secrets = ContainerSpec.Secrets.filter(
          ({ SecretID }) => !strays.some(({ copyId }) => copyId === SecretID),
        );
      });
      // Until then its previous spec names them still, and keeps their copies.
      await this.#update(service, () => {});
    }
  }

  /** The newest storeId that the record has for this role. */
  #version(
    secret: string,
    which: 'current' | 'prior',
  ): ReturnType<Ordeal['checker']['admin']['versions']>[0] | undefined {
    const { admin } = this.#ordeal.checker;
    const record = admin.recorded()?.secrets[secretAddress(VAULT, secret)];
    const version =
      which === 'current' ? recordedVersion(record, record?.current ?? null) : priorVersion(record);
    const id = version?.storeIds.at(-1);
    return admin.versions(secret).find((each) => each.id === id);
  }

  async #write(secret: string, tags: Readonly<Record<string, string>>): Promise<void> {
    this.#writes += 1;
    await this.#vault('PUT', `/secrets/${secret}`, { value: `foreign-${this.#writes}`, tags });
    const { admin, byHand } = this.#ordeal.checker;
    const id = admin.versions(secret).at(-1)?.id;
    if (id !== undefined) byHand.written.add(id);
  }

  async #update(service: string, change: (spec: Record<string, unknown>) => void): Promise<void> {
    const there = await this.#swarm('GET', `/services/${service}`);
    if (there.status !== 200) return;
    const { Version, Spec } = there.body as { Version: { Index: number }; Spec: Record<string, unknown> };
    change(Spec);
    await this.#swarm('POST', `/services/${service}/update?version=${Version.Index}`, Spec);
  }

  #vault(method: string, path: string, body: object): Promise<Answer> {
    return this.#ask(method, `${this.#ordeal.vault.url}${path}?api-version=7.5`, body);
  }

  #swarm(method: string, path: string, body?: object): Promise<Answer> {
    return this.#ask(method, `${this.#ordeal.swarm.endpoint.replace('tcp://', 'http://')}${path}`, body);
  }

  #ask(method: string, address: string, body: object | undefined): Promise<Answer> {
    const { hostname, port, pathname, search } = new URL(address);
    const headers = { 'authorization': 'Bearer admin', 'content-type': 'application/json' };
    const options = { method, hostname, port, path: `${pathname}${search}`, headers };
    return this.#ordeal.timeline.as(
      SOMEONE,
      () =>
        new Promise<Answer>((resolve, reject) => {
          const request = http.request(options, (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.on('end', () => {
              const text = Buffer.concat(chunks).toString('utf8');
              resolve({
                status: response.statusCode ?? 0,
                body: text.startsWith('{') ? JSON.parse(text) : null,
              });
            });
          });
          request.on('error', reject);
          request.end(body === undefined ? undefined : JSON.stringify(body));
        }),
    );
  }
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}
