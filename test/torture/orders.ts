import type { Declared } from '../../src/model/declared.ts';
import type { ApplyOrder, CompromiseOrder } from './case.ts';
import type { Random } from './random.ts';

/** What a value begins with that makes a service fail. */
const BAD = ['bad', 'bad', 'crash', 'late'] as const;

/** What somebody asks of an apply. */
export function drawOrder(declared: Declared, random: Random): ApplyOrder {
  const names = declared.secrets.map(({ name }) => name);
  const due = random.chance(0.15);
  const rotate = due ? [] : random.some(names, 0.55);
  const isBad = random.chance(0.25);
  const word = random.pick(BAD);
  return {
    due,
    lenient: random.chance(0.6),
    rotate,
    bad: isBad ? Object.fromEntries(random.some(names, 0.5).map((name) => [name, word])) : {},
    hasValues: random.chance(0.85),
  };
}

/** What somebody asks of an emergency. */
export function drawEmergency(declared: Declared, incident: string, random: Random): CompromiseOrder {
  const names = declared.secrets.map(({ name }) => name);
  const services = declared.consumers.map(({ service }) => service);
  const byConsumer = services.length > 0 && random.chance(0.2);
  const word = random.pick(BAD);
  const bad = random.chance(0.3) ? random.some(names, 0.6).map((name) => [name, word] as const) : [];
  return {
    incident,
    secrets: byConsumer ? [] : [...new Set([random.pick(names), ...random.some(names, 0.2)])],
    consumer: byConsumer ? random.pick(services) : null,
    only: random.chance(0.2),
    revokeFirst: random.chance(0.25),
    bad: Object.fromEntries(bad),
    hasValues: random.chance(0.7),
  };
}
