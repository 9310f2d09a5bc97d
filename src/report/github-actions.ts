/**
 * The actions that a workflow of ours uses, each at one commit, which nobody can move as a tag is moved. `examples/github`
 * uses the same.
 */
export const ACTIONS = {
  checkout: 'actions/checkout@d23441a48e516b6c34aea4fa41551a30e30af803 # v6.1.0',
  setupNode: 'actions/setup-node@249970729cb0ef3589644e2896645e5dc5ba9c38 # v6.5.0',
  azureLogin: 'azure/login@f5d393ae46f8fde4be8b75f32e3fc50e654ad0ca # v3.0.1',
} as const;
