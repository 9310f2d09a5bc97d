/** The names that look most like `wanted`, best first, at most `count`; empty where none is near. Case does not matter. */
export function nearest(wanted: string, names: readonly string[], count: number): string[] {
  const limit = Math.max(2, Math.floor(wanted.length / 3));
  return names
    .map((name) => ({ name, far: distanceTo(wanted.toLowerCase(), name.toLowerCase()) }))
    .filter(({ far }) => far <= limit)
    .sort((a, b) => a.far - b.far || a.name.localeCompare(b.name))
    .slice(0, count)
    .map(({ name }) => name);
}

/** How many edits turn one name into the other; a name that contains the other is one edit away. */
function distanceTo(wanted: string, name: string): number {
  if (wanted.length > 2 && (name.includes(wanted) || wanted.includes(name))) return 1;
  let row = Array.from({ length: name.length + 1 }, (_, index) => index);
  for (const [i, letter] of Array.from(wanted).entries()) {
    const next = [i + 1];
    for (const [j, other] of Array.from(name).entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[name.length] ?? name.length;
}
