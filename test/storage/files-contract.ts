/** The contract of every implementation of the file system port. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { FileFault, Files } from '../../src/storage/files/files.ts';

export interface FilesUnderTest {
  /** Opens an empty folder. */
  readonly open: () => Files;
  /** Opens the same folder again, as another process would. */
  readonly reopen: (files: Files) => Files;
  /** Lets pending operations complete. */
  readonly settle: () => Promise<void>;
}

type Call = (done: (fault: FileFault | undefined) => void) => void;

export function testFiles(name: string, disk: FilesUnderTest): void {
  testContent(name, disk);
  testFailures(name, disk);
}

async function ask(disk: FilesUnderTest, call: Call): Promise<FileFault | undefined> {
  const answers: (FileFault | undefined)[] = [];
  call((fault) => answers.push(fault));
  assert.equal(answers.length, 0, 'an answer comes in a later turn');
  while (answers.length === 0) await disk.settle();
  assert.equal(answers.length, 1, 'one answer');
  return answers[0];
}

async function write(
  disk: FilesUnderTest,
  files: Files,
  what: { readonly name: string; readonly offset: number; readonly text: string },
): Promise<FileFault | undefined> {
  const { name, offset, text } = what;
  const bytes = new TextEncoder().encode(text);
  return ask(disk, (done) => files.write({ name, offset, bytes }, done));
}

function read(files: Files, name: string, offset: number, length: number): string {
  const bytes = files.read({ name, offset, length });
  if (!(bytes instanceof Uint8Array)) return bytes.errno;
  return new TextDecoder().decode(bytes);
}

function testContent(name: string, disk: FilesUnderTest): void {
  test(`${name}: a file is made of zeros and is listed with its size`, async () => {
    const files = disk.open();
    assert.equal(
      await ask(disk, (done) => files.create({ name: 'one', size: 5000 }, done)),
      undefined,
    );
    assert.deepEqual(files.list(), [{ name: 'one', size: 5000 }]);
    assert.equal(read(files, 'one', 4998, 2), '\0\0');
    assert.equal(read(files, 'one', 4998, 9), '\0\0');
    assert.equal(read(files, 'one', 6000, 9), '');
    files.close();
  });

  test(`${name}: a write is read at once where it was put, and by the next process`, async () => {
    const files = disk.open();
    await ask(disk, (done) => files.create({ name: 'one', size: 100 }, done));
    assert.equal(await write(disk, files, { name: 'one', offset: 10, text: 'hello' }), undefined);
    assert.equal(await write(disk, files, { name: 'one', offset: 98, text: 'tail' }), undefined);
    assert.equal(read(files, 'one', 9, 7), '\0hello\0');
    assert.equal(read(files, 'one', 98, 9), 'tail');
    await ask(disk, (done) => files.syncFolder(done));
    files.close();
    const again = disk.reopen(files);
    assert.equal(read(again, 'one', 10, 5), 'hello');
    assert.deepEqual(again.list(), [{ name: 'one', size: 102 }]);
    again.close();
  });

  test(`${name}: a rename replaces, and reads go to the file that has the name now`, async () => {
    const files = disk.open();
    for (const name of ['one', 'two']) {
      await ask(disk, (done) => files.create({ name, size: 8 }, done));
      await write(disk, files, { name: name, offset: 0, text: name });
    }
    const names = { from: 'one', to: 'two' };
    assert.equal(await ask(disk, (done) => files.rename(names, done)), undefined);
    assert.equal(read(files, 'two', 0, 3), 'one');
    assert.deepEqual(files.list(), [{ name: 'two', size: 8 }]);
    await write(disk, files, { name: 'two', offset: 0, text: 'new' });
    assert.equal(read(files, 'two', 0, 3), 'new');
    assert.equal(await ask(disk, (done) => files.remove('two', done)), undefined);
    assert.deepEqual(files.list(), []);
    assert.equal(
      await ask(disk, (done) => files.create({ name: 'two', size: 2 }, done)),
      undefined,
    );
    assert.equal(read(files, 'two', 0, 3), '\0\0');
    files.close();
  });
}

function testFailures(name: string, disk: FilesUnderTest): void {
  test(`${name}: a failure is a value that names file and cause`, async () => {
    const files = disk.open();
    assert.equal(read(files, 'none', 0, 1), 'ENOENT');
    const fault = await write(disk, files, { name: 'none', offset: 7, text: 'text' });
    assert.deepEqual(
      [fault?.type, fault?.operation, fault?.name, fault?.offset, fault?.errno],
      ['fault', 'write', 'none', 7, 'ENOENT'],
    );
    const missing = await ask(disk, (done) => files.rename({ from: 'none', to: 'two' }, done));
    assert.equal(missing?.errno, 'ENOENT');
    assert.equal((await ask(disk, (done) => files.remove('none', done)))?.errno, 'ENOENT');
    files.close();
  });

  test(`${name}: the free space is reported, and a file takes some of it`, async () => {
    const files = disk.open();
    const look = async (): Promise<number> => {
      const answers: (number | FileFault)[] = [];
      files.space((found) => answers.push(found));
      assert.equal(answers.length, 0, 'an answer comes in a later turn');
      while (answers.length === 0) await disk.settle();
      const [found] = answers;
      assert.ok(typeof found === 'number' && found > 0);
      return found;
    };
    const before = await look();
    await ask(disk, (done) => files.create({ name: 'one', size: 1024 * 1024 }, done));
    // Other programs may write to a real disk meanwhile.
    assert.ok((await look()) <= before + 1024 * 1024 * 1024);
    files.close();
  });

  test(`${name}: a large file is made and written whole`, async () => {
    const files = disk.open();
    const size = 3 * 1024 * 1024 + 5;
    await ask(disk, (done) => files.create({ name: 'large', size }, done));
    const bytes = new Uint8Array(size).map((_, at) => at % 251);
    assert.equal(
      await ask(disk, (done) => files.write({ name: 'large', offset: 0, bytes }, done)),
      undefined,
    );
    const found = files.read({ name: 'large', offset: 0, length: size });
    assert.ok(found instanceof Uint8Array && Buffer.compare(found, bytes) === 0);
    files.close();
  });
}
