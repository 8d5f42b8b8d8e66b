/** What each code of a failure means: what happened, whether it took effect, what to do. */

import type { KvErrorCode } from '../src/index.ts';

/** Those of kvctl itself. */
type OwnCode =
  | 'config'
  | 'degraded'
  | 'internal'
  | 'node-ended'
  | 'not-healthy'
  | 'not-started'
  | 'output'
  | 'port-taken'
  | 'running'
  | 'secret'
  | 'split'
  | 'unavailable'
  | 'unknown-node'
  | 'usage';

export const EXPLANATIONS: Readonly<Record<KvErrorCode | OwnCode, string>> = {
  timeout: `The answer did not come in time. What was tried is listed, node by node. If
it was a write, the line "effect" says whether it can have been applied: it
happens at most once, whatever the number of attempts. Exit code 6 means
that nothing was applied, 7 that it is not known.
Do: look at kvctl status. If the cluster is healthy and busy, give it longer
with --timeout 30s. If it is so with a few keys only, a transaction may hold
them that waits for a shard: kvctl txn list shows it.`,
  unreachable: `No node could be reached at any of the urls; why, is listed for each.
Nothing was applied.
Do: check the urls (--url, RINGKV_URL, or the config file), and that the
nodes run: kvctl up, or kvctl start. A node that advertises another address
than the one you gave has to be reachable there.`,
  overloaded: `The cluster has more waiting than it will hold, and refused early. Nothing
was applied.
Do: ask less at a time or later; the client has already tried again with
growing pauses.`,
  'too-many-calls': `This client has too many calls that are not answered yet. Nothing was
applied.
Do: wait for earlier calls before making more.`,
  aborted: `The caller took the call back. The line "effect" says whether it can have
been applied.`,
  closed: `The client was closed while the call was on its way, or before it.
Do: connect again. The line "effect" says whether it can have been applied.`,
  'wrong-cluster': `The nodes at the urls are of another cluster than is meant: than the config
file or --cluster names, or than this client met first. Nothing was applied.
Do: kvctl status shows which clusters answer. A node whose data folder was
emptied and that began a cluster of its own: empty the folder again and start
it without --force-new-cluster; it then joins the others.`,
  'answer-lost': `The write took effect, but its answer came so late that the cluster no
longer had it.
Do: read the key to see what it became.`,
  'read-only': `A node's disk is nearly full, so it takes no more writes. Reads and deletes
go on, and writes do too as soon as there is space again; nothing has to be
reset.
Do: delete something, or add space. kvctl nodes shows which node it is.`,
  'folder-in-use': `Another process, or another store of this one, lives in the data folder.
Nothing was changed.
Do: close or end it first; a folder is for one node at a time.`,
  'folder-unusable': `A store cannot be opened in this folder; the message says why. Nothing was
changed.
Do: what the message says.`,
  'store-damaged': `Files of the store are not what was written, and this node has the only copy
of what they held. It was not opened: where a newer value is damaged, an older
one could be read. Nothing of its data was changed.
Do: put back an intact copy of the whole folder. If there is none: kvctl salvage
FOLDER > FILE saves what is sound and names what is not; kvctl load FILE brings
it into another store.`,
  'store-failed': `A store in the program's own process came to an end: its disk failed, or what
it had in memory was not to be trusted. What was acknowledged is safe. The
line "effect" says whether the call can have been applied.
Do: mend what the message names, and open the folder again.`,
  contended: `Others wanted the same keys at the same time, and were first each time it
was tried. Nothing was applied, and nothing will be.
Do: run the same again; it may succeed at once. If it happens often, many
want the same few keys: write fewer of them in one transaction, keep it
short, or give it longer with --timeout 30s. If kvctl txn list shows one
that does not go away, kvctl txn resolve ID ends it.`,
  'key-twice': `One atomic command writes a key twice. Nothing was applied.
Do: write it once.`,
  'invalid-argument': `An argument is not what it may be; the message says which and why. Nothing
was asked of the cluster.`,
  'key-too-large': `A key has 1 to 4096 bytes. Nothing was applied.
Do: use a shorter key; a hash of the long one, for example.`,
  'value-too-large': `The value is larger than the cluster takes. Nothing was applied.
Do: cut it into several keys, or raise limits.valueBytesMax in the config
file (at most 16 MiB).`,
  'command-too-large': `One atomic command does more than a shard does at once: it has too many
operations or bytes, or the values that it reads and rewrites have more than
48 MiB. Nothing was applied.
Do: cut it into several commands.`,
  'result-too-large': `A command that writes reads more than 16 KiB on the way. Nothing was
applied.
Do: read large values outside of it, and check their versions in it.`,
  'not-a-number': `The value is not an integer, so nothing can be added to it. Nothing was
applied.
Do: store numbers as such: kvctl set visits 5 --as json. Text that looks
like a number is text.`,
  overflow: `The sum does not fit 64 bits. Nothing was applied.`,
  'unsupported-value': `The codec has no spelling for this value: a function, for example. Nothing
was applied.`,
  'damaged-value': `The stored bytes are not what the codec writes. The bytes themselves are
sound: they are hashed on the disk and on the way.
Do: read the key with the codec that wrote it, or look at the bytes: kvctl
get KEY --stored --hex.`,
  'value-lost': `The value of the key is damaged on disk, and the node has the only copy of it.
Nothing was applied. All other keys are served.
Do: write the key anew, or delete it: both heal it. If there is a backup, take
the value from there. kvctl salvage FOLDER, with the node stopped, names all that
is damaged. A second and third replica would have healed it by themselves.`,
  'membership-refused': `What was asked for a node would lose data or replicas, or
makes no sense for it; the message says which. Nothing was changed.
Do: what the message says. kvctl status shows which nodes are down, kvctl
nodes which there are.`,
  'bad-cursor': `The cursor was not made by a scan like this one: a cursor says how far a scan of
one space, range and direction came, and leads nowhere else. Nothing was read.
Do: pass it on as it was given, with the same --prefix, --from, --to and
--reverse.`,
  refused: `A node could make nothing of the request: client and cluster may be of
versions that do not fit. Nothing was applied.
Do: compare kvctl --version with the package that the nodes run.`,
  config: `The config file has faults. Each is listed with its field, what it is and
what it may be. Nothing was started.`,
  degraded: `A verdict of kvctl status (exit code 1): everything is served, but a node is
down, a disk is nearly full, or a shard has fewer replicas than it should.
New replicas on their way, or a change of leaders, are normal work and no
reason.
Do: mend what the lines "why" name.`,
  unavailable: `A verdict of kvctl status (exit code 8): some shards, or all, have no majority
of their replicas or no leader, and an election did not end within seconds.
Or no node answered at all.
Do: bring back the nodes that are down. Nothing that was acknowledged is lost
while a majority of the disks of each shard is there.`,
  split: `A verdict of kvctl status (exit code 9): the nodes that were asked belong to
different clusters, or to another one than the config file names. Clients
reach the one or the other by chance, and each takes writes.
Do: find out which cluster has the data (kvctl count --url kv://host:port
asks one node). Stop the nodes of the other one, empty their folders, and
start them again without --force-new-cluster: they join. To keep it from
happening, name the cluster in the config file: "cluster": "<id>".`,
  internal: `A fault of kvctl itself.
Do: run the same with --debug, and report what it says.`,
  'node-ended': `A node ended by itself; the message has its reason, and the hint says what to do
about that reason. It stopped listening at once, and told its clients to go
on with others. What was acknowledged is on the disks of a majority and safe.
The exit code of kvctl start tells a supervisor what to do:
  0   stopped by a signal, or removed from the cluster: do not start it again
  10  the cluster refuses the data folder for good (an old copy, a number that
      is another folder's): do not start it again. Empty the folder; the node
      then joins as a new one
  11  the disk, or a limit of the system, failed. A full disk: make room. A
      failing disk: another disk, an empty folder, and the others feed it.
      Starting it again does no harm
  12  a fault of the program: start it again, and report it
  5   it did not begin: the message says why
A disk that hangs for ever: it ends with SIGKILL after some seconds; as 11.
systemd: Restart=always, RestartPreventExitStatus=0 10.`,
  'not-healthy': `The nodes run, but not all of what makes a cluster healthy was there in
time. They go on trying.
Do: kvctl status says what is missing; the .log files beside the data
folders say why.`,
  'not-started': `The node could not begin; the message says why and what to do. Nothing was
lost.`,
  output: `Standard output could not be written: its disk is full, or it failed.
What was printed is incomplete. What the verb had to do in the cluster is done.
Do: make room, or print elsewhere; then read again.`,
  'port-taken': `Another process listens where a node should. Nothing was started.
Do: find it (ss -ltnp, or lsof -i :7400). If it is a cluster of yours, run
kvctl down in its folder; else give the nodes other ports in
cluster.config.json.`,
  running: `The cluster of this folder runs already, in the background or in another
terminal.
Do: use it as it is, or stop it with kvctl down.`,
  secret: `All nodes of a cluster share a secret, 16 bytes or more in a file. With it they
prove to each other that they are nodes; without it, any process that reaches a
node can speak as one, and expel nodes or spoil replicas. kvctl up and dev make
one for the clusters of this machine (cluster.secret beside the data folders).
By hand: openssl rand -hex 32 > cluster.secret; chmod 600 cluster.secret; the
same file on every machine, named by --secret-file, RINGKV_SECRET_FILE, or
"secretFile" in the config file. A node with another secret, or none, is refused
by both sides, and both logs say so (wrong-secret). To give one to a cluster
that has none, stop all nodes and start them with it. It guards what nodes say
to each other; clients need none, so a node still listens beyond loopback only
with --insecure.`,
  'unknown-node': `No node of the cluster has that name or number. Nothing was changed.
Do: kvctl nodes shows them. A number is never given again, so one that was
removed does not come back under it.`,
  usage: `The words were not understood. Nothing was asked of anybody.
Do: kvctl VERB --help shows how a verb is called, with examples.`,
};
