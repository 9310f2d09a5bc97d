import { App } from 'cdktf';
import { BusflowStack } from './stacks/busflow.ts';
import { TrackerStack } from './stacks/tracker.ts';

const app = new App();
new BusflowStack(app, 'busflow');
new TrackerStack(app, 'tracker');
app.synth();
