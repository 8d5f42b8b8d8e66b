/** The text of `kvctl explain` for each code: what happened, its effect, and the remedy. */

import type { KvErrorCode } from '../src/index.ts';

/** The codes of kvctl itself. */
type OwnCode =
  | 'config'
  | 'degraded'
  | 'internal'
  | 'node-ended'
  | 'not-healthy'
  | 'not-started'
  | 'older-copy'
  | 'output'
  | 'port-taken'
  | 'running'
  | 'secret'
  | 'split'
  | 'still-running'
  | 'tls'
  | 'unavailable'
  | 'unknown-node'
  | 'usage';

export const EXPLANATIONS: Readonly<Record<KvErrorCode | OwnCode, string>> = {
  timeout: `The cluster did not answer in time. The attempts are listed per node. For a
write, the line "effect" says whether it may have been applied: it is applied at
most once, whatever the number of attempts. Exit code 6 means that nothing was
applied, 7 that the outcome is unknown.
Do: check kvctl status. If the cluster is healthy but busy, retry with
--timeout 30s. If only a few keys are affected, a pending transaction may hold
their locks: see kvctl txn list.`,
  unreachable: `None of the URLs could be reached, or no node of the shard; the reason is
listed for each. Nothing was applied.
Do: check the URLs (--url, RINGKV_URL, or the config file), and that the nodes
are running: kvctl up, or kvctl start. If a node advertises another address than
the URL, that address must be reachable too.`,
  unauthenticated: `The cluster wants to know who asks. The client has no token, or one that is
unknown, expired or revoked. Nothing was applied.
Do: kvctl login stores a token; RINGKV_TOKEN_FILE names a file with one. kvctl
whoami shows who you are. An administrator makes tokens: kvctl token create.`,
  forbidden: `The roles of your user do not permit the request: a key of it, or a part of its
range, is outside what is granted, or the verb is for administrators. Nothing was
applied.
Do: kvctl whoami shows what is granted. Ask for a range that lies wholly inside of
it, or let an administrator grant more: kvctl role set, kvctl user set.`,
  'too-many-logins': `Too many attempts to log in: of this user from this address, of all users
from it, or for this user from everywhere. After three failures each further one
doubles the wait, up to a quarter of an hour. The password was not checked.
Do: wait for the time in the message. Check the name of the user and the password;
an administrator sets a new one: kvctl user password NAME.`,
  'access-refused': `The change of users, passwords, tokens or roles is not possible; the message
has the reason. Nothing was changed.
Do: follow the message. kvctl user list, kvctl token list and kvctl role list show
what there is.`,
  overloaded: `The queues of the cluster are full, so it refused the request early. Nothing
was applied.
Do: send fewer requests at a time, or retry later; the client has already retried
with backoff.`,
  'audit-unavailable': `The request has to be audited, and no node that was asked could write its
audit trail, as on a full disk. Nothing was applied. Only nodes with failClosed
refuse for that.
Do: free space for the trail (audit in the data folder, or audit.folder of the
config file); the log of the node names the cause. It goes on by itself.`,
  'limit-exceeded': `The user has used up what it may use of a node: requests or bytes in a second,
connections, or open streams of watches. The message names the limit and what it
allows. Nothing was applied, unless the line "effect" says otherwise.
Do: ask for less, or use fewer clients; the client has already waited and retried.
kvctl whoami -o json shows the limits; an administrator changes them: kvctl user
limit.`,
  'storage-limit-exceeded': `More keys or bytes would be stored where the user may write than its
limit allows. The message names the limit, what is stored and what the request
would add. Deletes, and writes that add nothing, are still served. Nothing was
applied, unless the line "effect" says otherwise.
Do: delete keys, or have an administrator raise the limit: kvctl user limit NAME
--keys or --stored-bytes. kvctl user list shows limits and what is stored. Retrying
does not help; other nodes learn within about a second what was deleted.`,
  'too-many-calls': `This client has reached its limit of unanswered calls. Nothing was applied.
Do: await earlier calls before making more.`,
  aborted: `The caller aborted the call. The line "effect" says whether it may have been
applied.`,
  closed: `The client was closed before or during the call.
Do: connect again. The line "effect" says whether the call may have been applied.`,
  'wrong-cluster': `The nodes at the URLs belong to another cluster than the one that the config
file or --cluster names, or that this client connected to first. Nothing was
applied.
Do: check with kvctl status which clusters answer. If a node with an emptied data
folder founded a cluster of its own, empty the folder again and start the node
without --force-new-cluster; it then joins the others.`,
  'answer-lost': `The write was applied, but its result was requested so late that the cluster no
longer stored it.
Do: read the key to see its value.`,
  'read-only': `The disk of a node is nearly full, so the node refuses writes. Reads and deletes
still work. Writes resume as soon as there is space; no reset is needed.
Do: delete data or add space. kvctl nodes shows the affected node.`,
  'folder-in-use': `Another process, or another store of this process, uses the data folder. Nothing
was changed.
Do: close or stop it first; one node at a time can use a folder.`,
  'folder-unusable': `A store cannot be opened in this folder; the message has the reason.
Nothing was changed.
Do: fix the cause that the message names.`,
  'still-running': `Other nodes hear another process under the identity of this node, or at its
address, so this one waits. Nothing was changed.
Do: stop the other process, if it is a copy of the same node. If both are nodes of
their own, give this one another --listen or --advertise-peer, and never start two
nodes from copies of one data folder.`,
  'store-damaged': `Files of the store are damaged, and this node has the only copy of their
data. The store was not opened, because an older value could be read in place of
a damaged newer one. No data were changed.
Do: restore an intact copy of the whole folder. If there is none, kvctl salvage
FOLDER > FILE recovers the intact data and lists the damage; kvctl load FILE
writes them to another store.`,
  'store-failed': `A store in the program's own process failed: its disk failed, or its state in
memory was no longer reliable. Acknowledged writes are safe. The line "effect"
says whether the call may have been applied.
Do: fix the cause that the message names, and open the folder again.`,
  'check-failed': `A check of the transaction failed: the key has another version than the one
given, or exists although it must not. Nothing was applied.
Do: read the key, and decide again.`,
  contended: `Other transactions wrote the same keys first, in every attempt. Nothing was
applied, and nothing will be.
Do: run the transaction again; it may succeed at once. If it happens often, many
transactions compete for a few keys: write fewer keys in one transaction, keep
it short, or use --timeout 30s. If kvctl txn list shows a transaction that stays
pending, finish it with kvctl txn resolve ID.`,
  'lease-ended': `The lease of the write has ended, or could not be confirmed in time. Nothing was
applied.
Do: take another lease and write its keys again. kvctl lease list shows the
leases that are alive.`,
  'leases-full': `The client or the shard has as many leases as it may have. Nothing was applied.
A lease that has ended counts for ten minutes in its shard.
Do: attach more keys to one lease, and keep it. kvctl lease list shows whose leases
they are.`,
  'lock-unavailable': `The lock was not free within the wait. Nothing was applied, and the command
does not stand in the queue any more. Exit code 6.
Do: wait longer with --wait, or look at kvctl locks: it shows the owner, and since
when it owns the lock.`,
  'lock-queue-full': `The queue of the lock, or of its shard, is full. Nothing was applied.
Do: let fewer callers wait for one lock. kvctl locks NAME shows the queue.`,
  'lock-kind': `Others use the name for another kind of lock: a semaphore with another number of
permits, or a lock that is no semaphore. Nothing was applied.
Do: use one name for one kind of lock.`,
  'lock-lost': `The lease of the lock ended, or was not confirmed in time: another owner may have
the lock. The command was ended. Exit code 75.
Do: check what the command has done, then run it again.`,
  'lock-released': `The program has released the lock itself, and went on to use it. Nothing was
applied.
Do: take the lock again, or release it later.`,
  fenced: `A guarded write came from a former owner of a lock: a newer owner has written
since. Nothing was applied.
Do: stop the former owner; only the newer one may go on.`,
  'bad-fence': `The text is not a fence of this cluster. Nothing was applied.
Do: pass on RINGKV_FENCE unchanged, to clients of the same cluster.`,
  'fences-full': `A shard keeps the tokens of as many locks as it may. Nothing was applied.
Do: guard writes with fewer names of locks.`,
  'key-twice': `One atomic command writes a key twice. Nothing was applied.
Do: write each key once.`,
  'invalid-argument': `An argument is invalid; the message has the actual and the allowed value. No
request was sent.`,
  'empty-key': `The key is empty; a key has 1 to 4096 bytes. Nothing was applied.
Do: check where the empty key comes from: an empty variable, often.`,
  'key-too-large': `A key has at most 4096 bytes. Nothing was applied.
Do: use a shorter key, for example a hash of the long one.`,
  'value-too-large': `The value exceeds the limit of the cluster. Nothing was applied.
Do: split it into several keys, or raise limits.valueBytesMax in the config file
(at most 16 MiB).`,
  'command-too-large': `One atomic command exceeds a limit: it has too many operations or
bytes, or the values that it reads and rewrites exceed 48 MiB. Nothing was
applied.
Do: split it into several commands.`,
  'result-too-large': `A command that writes also reads more than 16 KiB. Nothing was applied.
Do: read large values before the command, and check their versions in it.`,
  'not-a-number': `The value is not an integer, so add does not apply to it. Nothing was applied.
Do: store numbers as numbers: kvctl set visits 5 --as json. Text that looks like a
number is text.`,
  overflow: `The sum exceeds the range of 64-bit integers. Nothing was applied.`,
  'unsupported-value': `The codec cannot encode this value, for example a function. Nothing
was applied.`,
  'damaged-value': `The codec cannot decode the stored bytes. The bytes are as they were written:
checksums protect them on disk and on the network.
Do: read the key with the codec that wrote it, or inspect the bytes: kvctl get
KEY --stored --hex.`,
  'value-lost': `The value of the key is damaged on disk, and the node has the only copy. Nothing
was applied. All other keys are served.
Do: write or delete the key; either repairs it. If there is a backup, take the
value from it. With the node stopped, kvctl salvage FOLDER lists all damage. With
three replicas, the cluster repairs such damage by itself.`,
  'membership-refused': `The request for the node would lose data or replicas, or does not
apply to its state; the message has the reason. Nothing was changed.
Do: follow the message. kvctl status shows which nodes are down, kvctl nodes lists
all nodes.`,
  'bad-cursor': `The cursor does not belong to this scan: a cursor is valid only for the space,
range and direction of the scan that returned it. Nothing was read.
Do: pass the cursor unchanged, with the same --prefix, --from, --to and
--reverse.`,
  'bad-token': `The resume token does not belong to this watch: a token is valid only for
the cluster, space and range of the watch that returned it. Nothing was read.
Do: pass the token unchanged, with the same key or --prefix; or watch without it.`,
  'too-many-watches': `The nodes of the cluster, or this client, have as many open watches as
they may have. A watch counts once for each shard of its range.
Do: end watches that are not needed; watch one range instead of many keys.`,
  'watch-too-slow': `The range was read three times, and each time the shard had forgotten
what changed meanwhile before the read was finished. The watch has ended.
Do: print to a faster place, watch a smaller range, or raise historyBytesMax of the
nodes.`,
  'view-too-large': `A view of a program holds more bytes than its maxBytes. It has ended; the data
in the cluster are unchanged.
Do: view a smaller range, or raise maxBytes.`,
  refused: `A node could not parse the request: the versions of client and cluster may be
incompatible. Nothing was applied.
Do: compare kvctl --version with the version of the package on the nodes.`,
  config: `The config file is invalid. Each error is listed with its field, the actual and
the allowed value. Nothing was started.`,
  degraded: `A verdict of kvctl status (exit code 1): all data are served, but a node is down,
a disk is nearly full, or a shard has fewer replicas than it should. Adding
replicas and changing leaders are normal work and do not cause this verdict.
Do: fix what the lines "why" name.`,
  unavailable: `A verdict of kvctl status (exit code 8): some shards, or all, have no majority of
their replicas, or have had no leader for seconds; or no node answered at all.
Do: restart the nodes that are down. No acknowledged write is lost while a
majority of the disks of each shard is intact.`,
  split: `A verdict of kvctl status (exit code 9): the queried nodes belong to different
clusters, or to another cluster than the config file names. Clients connect to
either cluster by chance, and both accept writes.
Do: find out which cluster has the data (kvctl count --url kv://host:port asks one
node). Stop the nodes of the other cluster, empty their folders, and start them
again without --force-new-cluster: they join. To prevent a split, name the
cluster in the config file: "cluster": "<id>".`,
  internal: `A bug in kvctl.
Do: run the same command with --debug, and report the output.`,
  'node-ended': `A node ended by itself; the message has the reason, and the hint the remedy. It
stopped listening at once, and sent its clients to other nodes. Acknowledged
writes are safe on the disks of a majority.
The exit code of kvctl start tells a supervisor what to do:
  0   stopped by a signal, or removed from the cluster: do not restart
  10  the cluster refuses the data folder permanently (an old copy, or the node
      number of another folder): do not restart. Empty the folder; the node then
      joins as a new node
  11  the disk or a system limit failed. If the disk is full, free space. If it is
      failing, use an empty folder on another disk; the other nodes copy the data
      to it. A restart is safe
  12  a bug in ringkv: restart, and report the bug
  5   the node did not start: the message has the reason
If the disk hangs, the process ends itself with SIGKILL after some seconds; treat
that as 11.
systemd: Restart=always, RestartPreventExitStatus=0 10.`,
  'not-healthy': `The nodes are running, but the cluster did not become healthy in time. The nodes
keep trying.
Do: check kvctl status; the .log files beside the data folders have details.`,
  'not-started': `The node could not start; the message has the reason and the remedy. No data were
lost.`,
  'older-copy': `A node does not start, or ended, because its data folder is an old copy: other
nodes of the cluster have seen a later start of this node, with data that the
folder lacks. No data were lost: the other nodes have all acknowledged writes.
The folder is marked and cannot be started again.
Do: if the current folder still exists, start the node with that one. Otherwise
move the old copy away and start with an empty folder and --join: the node joins
again as a new member, and kvctl remove NODE takes the old member out.`,
  output: `Standard output could not be written: its disk is full, or it failed. The printed
data are incomplete, but the command took effect in the cluster.
Do: free space, or write elsewhere; then read again.`,
  'port-taken': `Another process listens on the port of a node. Nothing was started.
Do: find it (ss -ltnp, or lsof -i :7400). If it is another local cluster, run
kvctl down in its folder; otherwise set other ports in cluster.config.json.`,
  running: `The local cluster of this folder is already running, in the background or in
another terminal.
Do: use it, or stop it with kvctl down.`,
  secret: `All nodes of a cluster share a secret of at least 16 bytes in a file. Nodes
authenticate each other with it. Without it, any process that reaches a node can
act as a node, expel nodes and corrupt replicas. kvctl up and dev generate one for
local clusters (cluster.secret beside the data folders).
By hand: openssl rand -hex 32 > cluster.secret; chmod 600 cluster.secret; copy the
file to every machine, and name it with --secret-file, RINGKV_SECRET_FILE, or
"secretFile" in the config file. Two nodes with different secrets refuse each
other, and both logs say so (wrong-secret). To add a secret to a cluster that has
none, stop all nodes and start them with it. The secret protects only traffic
between nodes; clients need none, so a node still listens beyond loopback only
with --insecure.`,
  tls: `With certificates all traffic is encrypted, only nodes of the cluster are peers,
and a node may listen beyond loopback. A node needs three PEM files: --tls-ca (the
authority), --tls-cert (its certificate) and --tls-key (its key, mode 0600), or
"tls" in the config file. Its certificate has the URI ringkv://CLUSTER/node/NAME
among its alternative names, with the name of the node; CLUSTER is the part of the
cluster ID before the last dot. Beyond loopback clients need a certificate of the
authority too, unless --tls-clients optional is set.
kvctl takes the same options; clients use kvs://host:port and the option tls.
A node reads changed files within 10 seconds, or at once on SIGHUP, and closes no
connection. See docs/TLS.md.`,
  'unknown-node': `No node of the cluster has that name or number. Nothing was changed.
Do: list the nodes with kvctl nodes. Node numbers are never reused, so a removed
node does not return under its number.`,
  usage: `The command line is invalid. No request was sent.
Do: kvctl VERB --help shows the usage of a verb, with examples.`,
};
