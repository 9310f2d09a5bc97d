/**
 * What a probe service runs, with `sh -c` in the declared image: `probe KIND PORT PATH STATUS ADDRESS…`. Ends with
 * 0 when every address answered; says on lines that begin with `keyturn: ` which did not. Uses curl, wget or
 * bash, whichever the image has; prints status codes, never a body.
 *
 * Who did not answer is asked again, five times in all: a route over a young overlay network may need a moment.
 */
export const PROBE_SCRIPT = `
kind=$1 port=$2 path=$3 want=$4
shift 4
has() { command -v "$1" >/dev/null 2>&1; }

http_status() {
  if has curl; then
    curl -s -o /dev/null -m 5 -w '%{http_code}' "http://$1:$port$path"
  elif has wget; then
    wget -S -O /dev/null -T 5 "http://$1:$port$path" 2>&1 |
      sed -n 's|^.*HTTP/[0-9.]* \\([0-9][0-9][0-9]\\).*$|\\1|p' | head -n 1
  elif has bash; then
    KT_HOST=$2 KT_PORT=$port KT_PATH=$path bash -c '
      exec 3<>"/dev/tcp/$KT_HOST/$KT_PORT" || exit
      printf "GET %s HTTP/1.0\\r\\nHost: %s\\r\\nConnection: close\\r\\n\\r\\n" "$KT_PATH" "$KT_HOST" >&3
      read -r -t 5 line <&3
      case $line in HTTP/*) line=\${line#* }; echo "\${line%% *}" ;; esac' 2>/dev/null
  fi
}

connects() {
  if has bash; then
    KT_HOST=$2 KT_PORT=$port bash -c 'exec 3<>"/dev/tcp/$KT_HOST/$KT_PORT"' 2>/dev/null
  elif has curl; then
    case $(curl -s -o /dev/null -m 5 -w '%{time_connect}' "http://$1:$port/") in *[1-9]*) true ;; *) false ;; esac
  else
    case $(wget -O /dev/null -T 5 "http://$1:$port/" 2>&1) in
      *efused* | *imed\\ out* | *nreachable* | *"o route"* | *"an't connect"*) false ;;
      *) true ;;
    esac
  fi
}

ask() {
  if [ "$kind" = tcp ]; then
    connects "$1" "$2" && return
    said='no connection'
  else
    said=$(http_status "$1" "$2")
    [ "$said" = "$want" ] && return
    case $said in '' | 000) said='no answer' ;; esac
  fi
  return 1
}

has curl || has wget || has bash || { echo 'keyturn: the image has none of curl, wget and bash'; exit 3; }
left=5
while :; do
  silent= report=
  for host in "$@"; do
    case $host in *:*) url="[$host]" ;; *) url=$host ;; esac
    ask "$url" "$host" && continue
    silent="$silent $host"
    report="$report
keyturn: $host: $said"
  done
  [ -n "$silent" ] || exit 0
  left=$((left - 1))
  if [ $left -eq 0 ]; then
    echo "$report"
    exit 1
  fi
  set -- $silent
  sleep 1
done
`;
