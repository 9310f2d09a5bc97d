import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Aspects, LocalBackend, TerraformBackend, TerraformStack, Token } from 'cdktf';
import type { IConstruct } from 'constructs';
import { canonicalJson } from '../model/canonical.ts';
import type { Declared } from '../model/declared.ts';
import { MANIFEST_FORMAT } from '../model/declared.ts';
import type { Problem } from '../model/fault.ts';
import { declaredAccess } from './access.ts';
import { declaredRecord, recordProblems } from './backend.ts';
import type { Declaration, Declaring, Item } from './declaration.ts';
import { DECLARE, MANIFEST_FILE, PROBLEMS_FILE, isDeclaring } from './declaration.ts';
import { addAzurermProvider } from './key-vault-resources.ts';
import { POLICY, holdsPolicy } from './policy.ts';
import type { PolicyAt } from './policy-rules.ts';
import { policyProblems } from './policy-rules.ts';
import { problemsOf } from './validate.ts';

const ENROLLED = Symbol.for('keyturn/enrolled');

/** Apps whose synth is under way, and whether it has looked at the whole of them yet. */
const verdicts = new WeakMap<IConstruct, 'open' | 'passed'>();

/**
 * Makes the stack of `construct` write keyturn.json beside cdk.tf.json and refuse what cannot be. Every construct
 * of this room calls it first; the stack itself needs nothing, and twice equals once.
 *
 * cdktf has no public hook for a further file, but `synthesizer` is a public writable field: ours runs theirs and
 * then writes. Nothing of ours goes into cdk.tf.json or manifest.json.
 */
export function enrol(construct: Declaring): void {
  const stack = TerraformStack.of(construct);
  if (ENROLLED in stack) return;
  Object.defineProperty(stack, ENROLLED, { value: true });

  const prepare = stack.prepareStack.bind(stack);
  stack.prepareStack = () => {
    verdicts.set(stack.node.root, 'open');
    addDefaults(stack);
    prepare();
  };
  // Testing.synth does not prepare the stack, but it does invoke aspects.
  Aspects.of(stack).add({ visit: (node) => (node === stack ? addDefaults(stack) : undefined) });

  stack.node.addValidation({
    validate: () => {
      refuseProblems(stack.node.root);
      return [];
    },
  });
  const inner = stack.synthesizer;
  stack.synthesizer = {
    synthesize(session) {
      if (session.skipValidation === true) refuseProblems(stack.node.root);
      inner.synthesize(session);
      const folder = join(session.outdir, session.manifest.forStack(stack).workingDirectory);
      writeFileSync(join(folder, MANIFEST_FILE), `${canonicalJson(declaredOf(stack))}\n`);
    },
  };
}

/** What the keyturn constructs of a stack declare, arrays in order of address or name. Does not check it. */
function declaredOf(stack: TerraformStack): Declared {
  const items = declarationsBelow(stack)
    .filter((declaration) => declaration.stack === stack.node.id)
    .map((declaration) => declaration.item);
  const record = declaredRecord(stack);
  const notifications = items
    .flatMap((item) => (item.kind === 'notification' ? [item.notification] : []))
    .sort(by((notification) => notification.name));
  const smokeTests = items
    .flatMap((item) => (item.kind === 'smoke-test' ? [item.smokeTest] : []))
    .sort(by((smokeTest) => smokeTest.name));
  const vaults = items
    .flatMap((item) => (item.kind === 'vault' ? [item.vault] : []))
    .sort(by((vault) => vault.name));
  const access = declaredAccess(stack, vaults);
  return {
    format: MANIFEST_FORMAT,
    stack: stack.node.id,
    vaults,
    platforms: items
      .flatMap((item) => (item.kind === 'platform' ? [item.platform] : []))
      .sort(by((platform) => platform.name)),
    secrets: items
      .flatMap((item) => (item.kind === 'secret' ? [item.secret] : []))
      .sort(by((secret) => secret.address)),
    consumers: items
      .flatMap((item) => (item.kind === 'consumer' ? [item.consumer] : []))
      .sort(by((consumer) => consumer.address)),
    freezes: items
      .flatMap((item) => (item.kind === 'freeze' ? [item.freeze] : []))
      .sort(by((freeze) => freeze.path)),
    ...(record === null ? {} : { record }),
    ...(notifications.length === 0 ? {} : { notifications }),
    ...(access.length === 0 ? {} : { access }),
    ...(smokeTests.length === 0 ? {} : { smokeTests }),
  };
}

/** The fields of an item that hold a cdktf token, as `cadence.at`: texts, numbers or lists that Terraform fills in. */
export function tokensIn(item: Item): string[] {
  const fields: string[] = [];
  const walk = (value: unknown, field: string): void => {
    if (Token.isUnresolved(value)) fields.push(field);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) walk(inner, field === '' ? key : `${field}.${key}`);
    }
  };
  switch (item.kind) {
    case 'vault':
      walk(item.vault, '');
      break;
    case 'platform':
      walk(item.platform, '');
      break;
    case 'secret':
      // The address is made of the two names; one problem is said once.
      walk({ ...item.secret, address: '', dependsOn: [], derivedFrom: [], together: [], apart: [] }, '');
      break;
    case 'freeze':
      walk({ ...item.freeze, secrets: [] }, '');
      break;
    case 'notification':
      walk(item.notification, '');
      break;
    case 'smoke-test':
      walk({ ...item.smokeTest, consumers: [] }, '');
      break;
    case 'fleet':
      walk({ name: item.name }, '');
      break;
    case 'consumer':
      walk(
        {
          ...item.consumer,
          address: '',
          service: item.consumer.kind === 'env-file' ? '' : item.consumer.service,
          dependsOn: [],
          mounts: item.consumer.mounts.map((mount) => ({ ...mount, secret: '' })),
        },
        '',
      );
      break;
  }
  return fields;
}

/**
 * Throws one error that lists all problems of the whole app, and leaves the same list as JSON in the output
 * folder. cdktf validates stack by stack and stops at the first, hence the whole app at once.
 */
function refuseProblems(root: IConstruct): void {
  if (verdicts.get(root) === 'passed') return;
  const problems = [
    ...problemsOf(declarationsBelow(root)),
    ...policyProblems(policiesBelow(root)),
    ...root.node.findAll().flatMap((node) => (isEnrolled(node) ? recordProblems(node) : [])),
  ];
  const file = App.isApp(root) ? join(root.outdir, PROBLEMS_FILE) : null;
  if (problems.length === 0) {
    if (file !== null) rmSync(file, { force: true });
    if (verdicts.has(root)) verdicts.set(root, 'passed');
    return;
  }
  if (file !== null && App.isApp(root)) {
    mkdirSync(root.outdir, { recursive: true });
    writeFileSync(file, `${canonicalJson({ format: 1, problems })}\n`);
  }
  throw new Error(describeProblems(problems));
}

function isEnrolled(node: IConstruct): node is TerraformStack {
  return TerraformStack.isStack(node) && ENROLLED in node;
}

function describeProblems(problems: readonly Problem[]): string {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const lines = problems.map(({ what, where, next = '' }) => `  ${where}\n    ${what}\n    → ${next}`);
  return `keyturn: ${count} in what the stacks declare\n${lines.join('\n')}`;
}

function declarationsBelow(root: IConstruct): Declaration[] {
  return root.node
    .findAll()
    .filter(isDeclaring)
    .flatMap((construct) => construct[DECLARE]());
}

/** Not what cdktf visited: it visits stack by stack, and the first stack's validation looks at the whole app. */
function policiesBelow(root: IConstruct): PolicyAt[] {
  return root.node.findAll().flatMap((node) =>
    Aspects.of(node)
      .all.filter(holdsPolicy)
      .map((aspect) => ({
        policy: aspect[POLICY],
        path: node.node.path,
        declarations: declarationsBelow(node),
      })),
  );
}

/**
 * What Terraform needs and the stack does not say itself: the azurerm provider for our vaults, and a local
 * backend beside cdktf.json. cdktf's own default is an absolute path, so two machines would write two files.
 */
function addDefaults(stack: TerraformStack): void {
  if (!stack.node.findAll().some((node) => TerraformBackend.isBackend(node))) {
    new LocalBackend(stack, { path: `../../../terraform.${stack.node.id}.tfstate` });
  }
  addAzurermProvider(stack);
}

function by<T>(keyOf: (item: T) => string): (a: T, b: T) => number {
  return (a, b) => (keyOf(a) < keyOf(b) ? -1 : 1);
}
