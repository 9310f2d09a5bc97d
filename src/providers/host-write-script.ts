import { MARKER_SUFFIX } from '../model/host.ts';
import { IDENTITY } from './host-look-script.ts';
import type { Place } from './host-look-script.ts';
import type { Marker } from './host-marker.ts';
import { markerLines } from './host-marker.ts';
import { quoted } from './host-quoted.ts';

export interface Writing {
  readonly path: string;
  readonly content: Buffer;
  /** Its identity when it was read; null: it was not there. Another one right before the end, and nothing is written. */
  readonly expected: string | null;
  readonly mode: number | null;
  readonly owner: string | null;
  /** Twelve characters that no file of another run has in its name. */
  readonly token: string;
  /** Of the file of now and of the one to come, whose identity only the host gets to know. */
  readonly during: Marker;
  readonly after: Marker;
  /** `seconds.nanoseconds` that the file and its marker are from; null: now. */
  readonly asOf: string | null;
}

/** Stands for the identity of the file to come. */
export const TO_COME = '@to come@';

/**
 * Puts a file into the place of another one, and its marker beside it. Prints `written <identity>`, or
 * `refused <step> <what was said>` where it ends with the file as it was (but for `refused marked`, where the new one
 * is in place). Killed between any two of its steps, the marker tells which of the two files is there; what it may
 * leave behind is removed by the next one. The value goes from the shell's own printf through a pipe: into no argument,
 * no environment, and no other file.
 */
export function writeScript(writing: Writing, place: Place): string {
  const { path, content, expected, mode, owner, token, during, after, asOf } = writing;
  return [
    IDENTITY,
    FUNCTIONS,
    'umask 077',
    `path=${quoted(place(path))} token=${quoted(token)} expected=${quoted(expected ?? '')}`,
    `owner=${quoted(owner ?? '')} mode=${quoted(mode?.toString(8) ?? '')} as_of=${quoted(asOf ?? '')}`,
    `content=${quoted(content.toString('utf8'))} bytes=${content.length}`,
    WRITE,
    `marked ${markerWord(path, during)}`,
    RENAME,
    `step=marked`,
    `marked ${markerWord(path, after)}`,
    'echo "written $new"',
  ].join('\n');
}

/** One word of the shell: the marker's lines, with the identity to come in its places. */
function markerWord(path: string, marker: Marker): string {
  const text = markerLines(path, marker).join('\n');
  return text.split(TO_COME).map(quoted).join('"$new"');
}

const FUNCTIONS = `
refuse() {
  rm -f -- "$temp" "$marker_temp"
  printf 'refused %s %s\\n' "$1" "$2" | tr '\\n' ' '
  exit 3
}
pour() {
  said=$( (set -C; printf '%s' "$1" | cat >"$2") 2>&1) || refuse "$step" "$said"
}
keep() {
  sync "$1" 2>/dev/null || sync
}
date_back() {
  [ -z "$as_of" ] || touch -d "@$as_of" "$1" 2>/dev/null || touch -d "@\${as_of%.*}" "$1"
}
marked() {
  pour "$1
" "$marker_temp"
  chmod 644 "$marker_temp" && date_back "$marker_temp"
  keep "$marker_temp"
  said=$(mv -f -- "$marker_temp" "$path${MARKER_SUFFIX}" 2>&1) || refuse "$step" "$said"
  keep "\${path%/*}/"
}`;

/**
 * One that comes late, behind the end of whoever sent it, touches neither the file of somebody who wrote since nor what
 * stands beside it. A link is followed: it is the file behind it that is replaced. Where cp knows how, access lists and extended
 * attributes come along.
 */
const WRITE = `
real=$(readlink -f "$path") || real=$path
dir=\${real%/*} name=\${real##*/}
temp=$dir/.$name.keyturn-$token
marker_temp=\${path%/*}/.\${path##*/}.keyturn-$token-marker
trap 'rm -f -- "$temp" "$marker_temp"; exit 75' HUP INT TERM PIPE
unmoved() {
  [ "$(identity "$real")" = "$expected" ] || refuse moved
}
unmoved
rm -f -- "$dir/.$name.keyturn-"* "\${path%/*}/.\${path##*/}.keyturn-"*
step=temp
pour "$content" "$temp"
[ "$(wc -c <"$temp")" -eq "$bytes" ] || refuse temp 'it was written in part'
was=
if [ -n "$expected" ]; then
  was=$(stat -Lc '%u:%g' "$real")
  keeps=$(stat -Lc '%a' "$real")
else
  keeps=600
fi
owner=\${owner:-$was}
if [ -n "$owner" ] && [ "$owner" != "$(stat -c '%u:%g' "$temp")" ]; then
  said=$(chown -- "$owner" "$temp" 2>&1) || refuse owner "$said"
fi
if [ -n "$expected" ]; then
  cp --attributes-only --preserve=mode,xattr "$real" "$temp" 2>/dev/null
  [ ! -e /sys/fs/selinux/enforce ] || chcon --reference="$real" "$temp" 2>/dev/null
fi
[ "$(stat -c '%a' "$temp")" = "\${mode:-$keeps}" ] || chmod "\${mode:-$keeps}" "$temp" || refuse mode 'chmod failed'
date_back "$temp"
keep "$temp"
new=$(identity "$temp") || refuse temp 'it is not there'
step=marker
unmoved`;

const MARK_AS_OLD = `
date_back() {
  touch -r "$path${MARKER_SUFFIX}" "$1"
}`;

const RENAME = `
unmoved
said=$(mv -f -- "$temp" "$real" 2>&1) || refuse rename "$said"
keep "$dir/"`;

export interface Marking {
  readonly path: string;
  readonly marker: Marker;
  /** The identity of the marker that it takes the place of: another one, and nothing is written. */
  readonly expected: string;
  readonly token: string;
  /** The marker's time says when the file took its place, and the file did not change. */
  readonly staysAsOld: boolean;
}

/** Writes the marker alone. Prints `refused moved` where another one is there. */
export function markerScript({ path, marker, expected, token, staysAsOld }: Marking, place: Place): string {
  return [
    IDENTITY,
    FUNCTIONS,
    'umask 077',
    `path=${quoted(place(path))} token=${quoted(token)} as_of= temp= step=marked`,
    'marker_temp=${path%/*}/.${path##*/}.keyturn-$token-marker',
    `[ "$(identity "$path${MARKER_SUFFIX}")" = ${quoted(expected)} ] || refuse moved`,
    'rm -f -- "${path%/*}/.${path##*/}.keyturn-"*',
    staysAsOld ? MARK_AS_OLD : '',
    `marked ${markerWord(path, marker)}`,
  ].join('\n');
}

/** Takes away a file that was made anew, and its marker. */
export function removeScript(path: string, identity: string, place: Place): string {
  return [
    IDENTITY,
    `path=${quoted(place(path))}`,
    `[ "$(identity "$path")" = ${quoted(identity)} ] && rm -f -- "$path" "$path${MARKER_SUFFIX}"`,
  ].join('\n');
}

/** Prints the identity of a file before and after its content, which stands between two lines. */
export function readScript(path: string, place: Place): string {
  return [
    IDENTITY,
    `path=${quoted(place(path))}`,
    'identity "$path"',
    'cat "$path" || exit 3',
    'echo',
    'identity "$path"',
  ].join('\n');
}
