import type { ApplyEvent } from '../../src/model/event.ts';
import type { SecretValue } from '../../src/model/secret-value.ts';
import type { Errand } from './apply.ts';
import type { Incarnation } from './incarnation.ts';
import type { Fate, Ordeal } from './ordeal.ts';
import type { Exchange, Reply } from './wire.ts';

export class Checker {
  constructor(_ordeal: Ordeal) {}
  made(_value: SecretValue): void {}
  heard(_event: ApplyEvent): void {}
  wrote(_incarnation: Incarnation, _path: string, _text: string): void {}
  look(): null {
    return null;
  }
  sent(_exchange: Exchange, _incarnation: Incarnation): void {}
  carriedOut(_exchange: Exchange, _incarnation: Incarnation, _reply: Reply, _before: null): void {}
  ended(_incarnation: Incarnation, _errand: Errand, _fate: Fate): void {}
  crashed(): void {}
}
