import { posix } from 'node:path';
import { calendarTimes, dependsOnTimeZone, everyText, requireEven } from './schedule-interval.ts';
import type { LocalOrder, Schedule } from './schedule-order.ts';
import { applyWords, endpointsOf, isLocalEngine, placeIn, signInsOf, writeFirst } from './schedule-order.ts';

export interface SystemdOrder extends LocalOrder {
  /** Runs it; has to exist. */
  readonly user: string;
}

/** A service that does one run, and the timer that starts it. systemd starts no second run beside the first. */
export function renderSystemd(order: SystemdOrder): Schedule {
  requireEven(order.interval, 60, 'a timer');
  const service = `${order.name}.service`;
  const timer = `${order.name}.timer`;
  return {
    files: [
      { path: service, text: serviceText(order) },
      { path: timer, text: timerText(order) },
    ],
    warnings: signInsOf(order).includes('cli')
      ? [
          'a vault signs in with "cli", and az writes into a home that this service may only read: declare auth "managed"',
        ]
      : [],
    next: [
      ...writeFirst(order),
      {
        what: `the user, who has to own ${order.directory}`,
        run: `id ${order.user} || sudo useradd --system ${order.user}`,
      },
      {
        what: 'install both',
        run: `sudo install -m 644 ${placeIn(order, service)} ${placeIn(order, timer)} /etc/systemd/system/`,
      },
      {
        what: 'start the timer',
        run: `sudo systemctl daemon-reload && sudo systemctl enable --now ${timer}`,
      },
      { what: 'look', run: `systemctl list-timers ${timer}; journalctl -u ${service}` },
    ],
  };
}

/** Where the programs are that a run starts: node for the app of cdktf.json, ssh, git, az. */
export function searchPath(node: string): string {
  return [...new Set([posix.dirname(node), '/usr/local/bin', '/usr/bin', '/bin'])].join(':');
}

function serviceText(order: SystemdOrder): string {
  const { directory, node, programPath, user } = order;
  // In a command alone a $ begins a variable.
  const command = [node, programPath, ...applyWords(order)].map(quote).join(' ').replaceAll('$', '$$$$');
  const socket = endpointsOf(order).some(isLocalEngine);
  return `# ${order.name}.service: one run of what is due.
[Unit]
Description=keyturn: rotate what is due
Wants=network-online.target
After=network-online.target${socket ? ' docker.service' : ''}

[Service]
Type=oneshot
User=${user}
${socket ? '# The Docker socket is root on this machine. Over ssh it is not needed.\nSupplementaryGroups=docker\n' : ''}WorkingDirectory=${directory.replaceAll('%', '%%')}
Environment=${quote(`PATH=${searchPath(node)}`)}
# Ids and addresses, no secret: AZURE_CLIENT_ID=…, DOCKER_HOST=…
EnvironmentFile=-/etc/${order.name}/environment
# For auth 'env', a certificate instead of a password:
#LoadCredential=azure.pem:/etc/${order.name}/azure.pem
#Environment=AZURE_CLIENT_CERTIFICATE_PATH=%d/azure.pem
ExecStart=${command}
# A held lease is 0. 130: stopped with nothing half-done. Any other is a failure
# to be seen, and the next run looks again.
SuccessExitStatus=130
TimeoutStartSec=infinity
# SIGTERM is Ctrl-C: the running steps are finished, over the same ssh. So only
# the main process gets it, and time.
KillMode=mixed
TimeoutStopSec=10min

NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ReadWritePaths=${quote(directory)}
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
# Left out on purpose: MemoryDenyWriteExecute, because Node compiles at run time;
# ProtectProc, because the lease asks whether its holder's process lives.
`;
}

function timerText(order: SystemdOrder): string {
  const zone = dependsOnTimeZone(order.interval) ? ` ${order.timeZone}` : '';
  return `# ${order.name}.timer: ${everyText(order.interval)}, and once after the machine was off.
[Unit]
Description=keyturn: rotate what is due, ${everyText(order.interval)}

[Timer]
OnCalendar=${calendarTimes(order.interval)}${zone}
Persistent=true

[Install]
WantedBy=timers.target
`;
}

/** One word for systemd: % begins a specifier, a backslash an escape. */
function quote(word: string): string {
  const escaped = word.replaceAll('%', '%%').replace(/["\\]/g, '\\$&');
  return /^[\w@%+=:,./$-]+$/.test(word) ? escaped : `"${escaped}"`;
}
