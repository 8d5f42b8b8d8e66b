/** The codes of `KvError`: what each one means, whether the call took effect, and what to do. */

/**
 * What each code means for the caller. A code never gets a second meaning. Each comment says what
 * happened, whether it took effect, and what to do; `retryable` is the first element.
 */
export const CODES = {
  /**
   * The call was not finished within its timeout, and no more specific reason is known.
   *
   * Effect: see `outcome`; `unknown` if an attempt was sent and its answer is missing.
   *
   * Do: look at `attempts`; raise `timeout` if the cluster needs longer.
   */
  timeout: [true, 'look at `attempts`; raise `timeout` if the cluster needs longer'],
  /**
   * No connection was up at any time during the call: to a node of the cluster while connecting, or
   * to one that has the shard. A call for which one was up fails with `timeout` instead. `connect`
   * rejects with it as soon as every URL has refused, unless it was told to `wait`.
   *
   * Effect: none.
   *
   * Do: check the URLs and that the nodes listen there. `attempts` has the reason for each.
   */
  unreachable: [true, 'check that the urls are right and that the nodes listen there'],
  /**
   * The cluster wants to know who calls, and the client has no token, or one that is unknown,
   * expired or revoked.
   *
   * Effect: none.
   *
   * Do: pass a valid `token`, or run `kvctl login`; `kvctl whoami` shows who you are.
   */
  unauthenticated: [false, 'pass a valid `token`, or run `kvctl login`; see `kvctl whoami`'],
  /**
   * The roles of the user do not permit the call: some key or range of it is outside what is
   * granted.
   *
   * Effect: none.
   *
   * Do: ask for less, or let an administrator grant it; `kvctl whoami` shows what is granted.
   */
  forbidden: [false, 'let an administrator grant it; `kvctl whoami` shows what is granted'],
  /**
   * `login`: too many attempts, by this user from this address, by all from this address, or for
   * this user. The message has the time to wait.
   *
   * Effect: none; the password was not checked.
   *
   * Do: wait for that time; then check the name of the user, and the password.
   */
  'too-many-logins': [true, 'wait for the time in the message, then check user and password'],
  /**
   * A change of users, passwords, tokens or roles is not possible: the message has the reason.
   *
   * Effect: none.
   *
   * Do: what the message says.
   */
  'access-refused': [false, 'do what the message says; nothing was changed'],
  /**
   * The cluster refused the call early because its queues are full, until the timeout.
   *
   * Effect: none.
   *
   * Do: have fewer calls open at a time, or try again later. The client has retried already.
   */
  overloaded: [true, 'ask less at a time, or later'],
  /**
   * The call has to be audited, and until the timeout no node that was asked could write its audit
   * trail: the disk is full or broken. Only nodes with `failClosed` refuse for that.
   *
   * Effect: none.
   *
   * Do: free space for the audit trail of the nodes in `attempts`; their logs have the cause.
   */
  'audit-unavailable': [true, 'free space for the audit trail; the logs of the nodes say why'],
  /**
   * The user has used up what it may use of a node: requests or bytes in a second, connections, or
   * open streams of watches. The message names the limit and what it allows.
   *
   * Effect: none, unless `outcome` says `unknown`.
   *
   * Do: ask for less, use fewer clients, or let an administrator raise the limit
   * (`kvctl user limit`). The client has waited and retried already.
   */
  'limit-exceeded': [true, 'ask for less, or let an administrator raise it: kvctl user limit'],
  /**
   * More keys or bytes would be stored where the user may write than its limit allows. The message
   * names the limit, what is stored and what the call would add. Deletes, and writes that add
   * nothing, are still served.
   *
   * Effect: none, unless `outcome` says `unknown`.
   *
   * Do: delete keys, or let an administrator raise the limit (`kvctl user limit NAME --keys` or
   * `--stored-bytes`). Waiting does not help, so the client does not retry. Other nodes learn
   * within about a second what was deleted.
   */
  'storage-limit-exceeded': [
    false,
    'delete keys, or let an administrator raise it: kvctl user limit NAME --keys or --stored-bytes',
  ],
  /**
   * Other transactions wrote or held the same keys at each attempt, until the timeout.
   *
   * Effect: none.
   *
   * Do: try again later; write fewer of the contended keys in one transaction, or give it a longer
   * `timeout`.
   */
  contended: [true, 'others write the same keys: try again later, or write them less often'],
  /**
   * `check` of a transaction: the key does not have the version that was given, so no other run of
   * the function can succeed. Other writes of keys that the function reads make it run again.
   *
   * Effect: none.
   *
   * Do: read the key, and decide again.
   */
  'check-failed': [false, 'the key has another version: read it, and decide again'],
  /**
   * The client has as many open calls as it may have: 65,536, or 64 MiB of them.
   *
   * Effect: none.
   *
   * Do: wait for earlier calls before you make more.
   */
  'too-many-calls': [true, 'wait for earlier calls before you make more'],
  /**
   * The `signal` of the call was aborted. Its reason is the `cause`.
   *
   * Effect: see `outcome`; `unknown` if the call had been sent.
   *
   * Do: nothing; the caller asked for it. Read the keys if the outcome is unknown and matters.
   */
  aborted: [false, 'the signal of the call was aborted'],
  /**
   * The client was closed before the call was made, or while it was open.
   *
   * Effect: see `outcome`; `unknown` if the call had been sent.
   *
   * Do: connect again, or close the client later.
   */
  closed: [false, 'the client was closed; connect again'],
  /**
   * The nodes at the URLs belong to another cluster than the option `cluster` names, or than this
   * client first connected to.
   *
   * Effect: none, unless `outcome` says `unknown`.
   *
   * Do: check the URLs, and look at `kvctl status`.
   */
  'wrong-cluster': [
    false,
    'the nodes are of another cluster than is meant; check the urls, and `kvctl status`',
  ],
  /**
   * A retry arrived so late that the cluster no longer stores the reply to the first attempt.
   *
   * Effect: see `outcome`; `applied`, or `unknown` where the reply alone would tell.
   *
   * Do: read the keys to see whether the write is there, and what it became.
   */
  'answer-lost': [false, 'read the keys to see whether the write is there'],
  /**
   * The disk of a node is nearly full, so the node accepts no writes except deletes.
   *
   * Effect: none.
   *
   * Do: delete keys, or add disk space. Writes continue as soon as there is space.
   */
  'read-only': [true, 'the disk of a node is nearly full: delete something, or add space'],
  /**
   * `open`: another store, of this process or of another one, uses the folder.
   *
   * Effect: none.
   *
   * Do: close that store, or end its process. A folder serves one store at a time.
   */
  'folder-in-use': [true, 'close the store that has the folder, or end the process that does'],
  /**
   * `open`: no store can be opened in this folder; the message has the reason.
   *
   * Effect: none.
   *
   * Do: what the message says.
   */
  'folder-unusable': [false, 'see the message; nothing was changed'],
  /**
   * `open`: files of the store are damaged, and no other copy of their contents exists. The store
   * was not opened, because a read could return an old value.
   *
   * Effect: none.
   *
   * Do: restore an intact copy of the whole folder, or save what is sound with `kvctl salvage`.
   */
  'store-damaged': [
    false,
    'put back an intact copy of the folder, or save what is sound: `kvctl salvage`',
  ],
  /**
   * An open embedded store ended: its disk failed, or an internal check did. Acknowledged writes
   * are safe.
   *
   * Effect: see `outcome`.
   *
   * Do: repair what the message names, and open the folder again.
   */
  'store-failed': [false, 'mend what the message names and open the folder again'],
  /**
   * One atomic command writes a key twice.
   *
   * Effect: none.
   *
   * Do: write each key once in one atomic command.
   */
  'key-twice': [false, 'write a key once in one atomic command'],
  /**
   * An argument or option has a value that is not allowed; the message says which and why.
   *
   * Effect: none; no request was sent.
   *
   * Do: correct the argument.
   */
  'invalid-argument': [false, 'see the message'],
  /**
   * A key has no bytes: it is an empty text, an empty `Uint8Array` or a tuple without parts. In a
   * space the prefix counts, so that `''` is a key there.
   *
   * Effect: none; no request was sent.
   *
   * Do: use a key of 1 to 4096 bytes.
   */
  'empty-key': [false, 'a key has at least one byte; check where the empty one comes from'],
  /**
   * A key is longer than 4096 bytes, the prefix of its space included.
   *
   * Effect: none.
   *
   * Do: use a shorter key, for example a hash of the long one.
   */
  'key-too-large': [false, 'keys have at most `keyBytesMax` bytes; use a shorter one'],
  /**
   * A value has more bytes than the cluster's limit: 1 MiB by default, 16 MiB at most.
   *
   * Effect: none.
   *
   * Do: split the value over several keys, or raise `valueBytesMax` of the cluster or of `open`.
   */
  'value-too-large': [false, 'cut the value into several keys, or raise `valueBytesMax`'],
  /**
   * An atomic command or transaction has too many operations or bytes, or rewrites too many bytes.
   *
   * Effect: none.
   *
   * Do: do less in one atomic command or transaction.
   */
  'command-too-large': [false, 'do less in one atomic command or transaction'],
  /**
   * What an atomic command or a read returns is more than one reply may hold.
   *
   * Effect: none.
   *
   * Do: read large values on their own, and check their versions in the atomic command.
   */
  'result-too-large': [false, 'read large values outside of the atomic command'],
  /**
   * `add`, `min` or `max` met a value that is not an integer.
   *
   * Effect: none.
   *
   * Do: store an integer, with the codec MessagePack, under a key that is used as a counter.
   */
  'not-a-number': [false, 'add, min and max need a value that is an integer'],
  /**
   * The result of `add` does not fit a signed integer of 64 bits.
   *
   * Effect: none.
   *
   * Do: reset the counter, or keep several.
   */
  overflow: [false, 'the result does not fit 64 bits'],
  /**
   * The codec cannot encode the value: a part of it is a function, for example. The message has the
   * path and the type of the part, and `cause` the codec's error.
   *
   * Effect: none; no request was sent.
   *
   * Do: leave the part out, or use a codec that can encode it.
   */
  'unsupported-value': [
    false,
    'the message names the part; leave it out, or use a codec that can encode it',
  ],
  /**
   * The codec cannot decode the stored bytes. The bytes are what was written: they are checksummed.
   *
   * Effect: none.
   *
   * Do: read the key with the codec that wrote it.
   */
  'damaged-value': [false, 'read the key with the codec that it was written with'],
  /**
   * The value of the key is damaged on disk, and no other replica has it. Other keys are served.
   *
   * Effect: none.
   *
   * Do: write or delete the key to go on without the value, or restore it from a backup;
   * `kvctl salvage` lists all damage.
   */
  'value-lost': [
    false,
    'write or delete the key to go on without it; `kvctl salvage` tells what else is damaged',
  ],
  /**
   * `setMembership`: the catalog refused the change, because data or replicas would be lost.
   *
   * Effect: none.
   *
   * Do: what the message says. `kvctl status` shows which nodes are down.
   */
  'membership-refused': [false, 'see the message; nothing was changed'],
  /**
   * A cursor was used with another space, range or direction than the scan that returned it.
   *
   * Effect: none.
   *
   * Do: pass the cursor on unchanged, together with the same space, range and direction.
   */
  'bad-cursor': [
    false,
    'pass a cursor on as it was given, with the same space, range and direction',
  ],
  /**
   * The lease has ended, or may have: it was released or revoked, or a shard has not confirmed it
   * in time. A write that names it, or a lock under it, is refused.
   *
   * Effect: none.
   *
   * Do: look at `lease.state`. One that is `unsure` may be held again soon; one that has ended does
   * not come back: take another and write its keys again.
   */
  'lease-ended': [false, 'take another lease, and write the keys of the former one again'],
  /**
   * A client may have 65,536 leases, a shard 16,384, or 65,536 with those of the last 10 minutes:
   * 109 new ones a second.
   *
   * Effect: none.
   *
   * Do: attach more keys to one lease, and keep leases instead of taking a new one for each key. A
   * lease that has ended counts for 10 minutes, so a release makes room only after them.
   */
  'leases-full': [true, 'use one lease for many keys; one that has ended counts for 10 minutes'],
  /**
   * The lock was not free, or not within `wait`.
   *
   * Effect: none; the call does not stand in the queue any more.
   *
   * Do: try again, or wait longer; `kvctl locks` shows the owner.
   */
  'lock-unavailable': [true, 'try again, or wait longer; `kvctl locks` shows the owner'],
  /**
   * The queue of the lock has 4096 tickets, or its shard 16,384, as many as they may have.
   *
   * Effect: none.
   *
   * Do: let fewer callers wait for one lock: `tryLock` does not wait.
   */
  'lock-queue-full': [true, 'let fewer callers wait for one lock'],
  /**
   * Others use the name of the lock for another kind: as a semaphore with another number of
   * permits, or as a lock that is none.
   *
   * Effect: none.
   *
   * Do: use one name for one kind of lock, with the same number of permits everywhere.
   */
  'lock-kind': [false, 'use one name for one kind of lock, and the same permits everywhere'],
  /**
   * The lock was lost: its lease ended or was not confirmed in time. Another owner may have it.
   *
   * Effect: of a single call none, it was not sent. After `withLock` unknown: the function has run
   * to its end, and may have written while the lock was lost; guarded writes have no effect after
   * those of a newer owner.
   *
   * Do: look at what the function has written, then take the lock again.
   */
  'lock-lost': [false, 'another owner may have the lock: take it again before you write'],
  /**
   * The lock is not owned any more because this client released it, or resigned. Its `signal`
   * aborts with this reason, so a loss differs from an intention.
   *
   * Effect: none, nothing was sent.
   *
   * Do: take the lock again to go on.
   */
  'lock-released': [false, 'this client released the lock: take it again before you write'],
  /**
   * A guarded write was refused: a newer owner of the lock has written in that shard.
   *
   * Effect: none.
   *
   * Do: stop; the lock has another owner. Take it again to go on.
   */
  fenced: [false, 'stop: the lock has a newer owner; take it again to go on'],
  /**
   * A fence is no text that the library has made, or one of another cluster; or a semaphore was
   * asked for a fence, which it does not have.
   *
   * Effect: none; no request was sent.
   *
   * Do: pass the text of a fence on unchanged, to clients of the same cluster.
   */
  'bad-fence': [false, 'pass the text of a fence on unchanged, within its cluster'],
  /**
   * A shard keeps the tokens of as many locks as it may: 1,048,576 names in a week.
   *
   * Effect: none.
   *
   * Do: guard writes with fewer names: one lock for many keys.
   */
  'fences-full': [true, 'guard writes with fewer names of locks'],
  /**
   * A resume token is damaged, or is of a watch of another cluster, space or range.
   *
   * Effect: none.
   *
   * Do: pass the token on unchanged, with the same space and range.
   */
  'bad-token': [false, 'pass a token on as it was given, with the same space and range'],
  /**
   * The nodes or the client have as many streams as they may have: one for each shard of a watch.
   *
   * Effect: none.
   *
   * Do: close watches; watch one range instead of many keys; use `{tag}`s.
   */
  'too-many-watches': [true, 'close watches, or watch one range instead of many keys'],
  /**
   * A watch read its range three times, and what changed meanwhile was forgotten each time.
   *
   * Effect: none; the watch has ended.
   *
   * Do: do less in the loop, watch a smaller range, or raise `historyBytesMax`.
   */
  'watch-too-slow': [true, 'do less in the loop, watch less, or raise `historyBytesMax`'],
  /**
   * A view is larger than its `maxBytes`: 256 MiB by default.
   *
   * Effect: none; the view has ended.
   *
   * Do: view a smaller range, or raise `maxBytes`.
   */
  'view-too-large': [false, 'view a smaller range, or raise `maxBytes`'],
  /**
   * A node could not read the request, or the client could not read the response.
   *
   * Effect: see `outcome`.
   *
   * Do: compare the versions of the client and the nodes; report it if they are the same.
   */
  refused: [false, 'client and cluster may be of versions that do not fit; report it'],
} as const satisfies Record<string, readonly [isRetryable: boolean, hint: string]>;

/**
 * The codes of `KvError`. Programs compare codes, never messages: messages may change, and a code
 * never gets another meaning.
 *
 * "Effect: none" holds unless `outcome` is `unknown`: then an earlier attempt of the same call may
 * have taken effect.
 */
export type KvErrorCode = keyof typeof CODES;
