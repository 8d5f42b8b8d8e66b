/** Certificates that are made here, as OpenSSL reads them. */

import { equal, match, ok, throws } from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { issue, newAuthority, newKey } from '../../src/certificates/issuing.ts';
import { faultOfTexts, holderOf } from '../../src/certificates/reading.ts';
import { TestAuthority } from '../support/certificates.ts';

const NOW = Date.UTC(2031, 4, 6, 7, 8, 9);
const YEARS = 365 * 24 * 60 * 60 * 1000;

test('what an authority signs is of it, for its time, and for what was wanted', () => {
  const authority = newAuthority({ title: 'ringkv é', validFrom: NOW, validTo: NOW + 30 * YEARS });
  const ca = new X509Certificate(authority.cert);
  ok(ca.ca && ca.verify(ca.publicKey) && ca.checkIssued(ca));
  const { key, publicKey } = newKey();
  const wanted = { title: 'n1', publicKey, uris: ['ringkv://prod/node/n1'], isServer: true };
  const hosts = ['a.example', '10.0.0.255', '::1', '2001:db8:0:0:1::ff', '::ffff:10.0.0.1'];
  const cert = issue(authority, { ...wanted, hosts, validFrom: NOW, validTo: NOW + YEARS });
  const leaf = new X509Certificate(cert);
  ok(leaf.verify(ca.publicKey) && leaf.checkIssued(ca) && !leaf.ca);
  equal(Date.parse(leaf.validFrom), NOW);
  equal(Date.parse(leaf.validTo), NOW + YEARS);
  equal(Date.parse(ca.validTo), NOW + 30 * YEARS, 'beyond 2050 the year has four digits');
  for (const host of ['10.0.0.255', '::1', '2001:db8::1:0:0:ff', '::ffff:10.0.0.1']) {
    equal(leaf.checkIP(host), host, host);
  }
  equal(leaf.checkHost('a.example'), 'a.example');
  equal(leaf.checkHost('b.example'), undefined);
  equal(faultOfTexts({ ca: authority.cert, cert, key }, NOW + 1), undefined);
  equal(holderOf({ cert }).node?.name, 'n1');
});

test('serial numbers and keys differ, also of the same name', () => {
  const authority = new TestAuthority();
  const [one, two] = [authority.node('n1'), authority.node('n1')];
  const [first, second] = [new X509Certificate(one.cert), new X509Certificate(two.cert)];
  ok(first.serialNumber !== second.serialNumber && first.fingerprint256 !== second.fingerprint256);
  ok(first.serialNumber.length > 20);
});

test('only an authority of ringkv with its own key signs', () => {
  const [one, two] = [new TestAuthority(), new TestAuthority()];
  const { publicKey } = newKey();
  const wanted = { title: 'x', publicKey, isServer: false, validFrom: NOW, validTo: NOW + 1000 };
  throws(() => issue({ cert: one.pair.cert, key: two.pair.key }, wanted), /with its key/);
  const leaf = one.node('n1');
  throws(() => issue({ cert: leaf.cert, key: leaf.key }, wanted), /no|not a certificate authority/);
});

test('texts that cannot be used are refused with the reason', () => {
  const authority = new TestAuthority();
  const [one, other] = [authority.node('n1'), authority.node('n2')];
  const now = Date.now();
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ key: other.key }, /the key is not that of the certificate/],
    [{ cert: '' }, /no certificate in PEM/],
    [{ ca: 'nothing' }, /no certificate in PEM/],
    [{ key: 'nothing' }, /cannot be read/],
    [{ cert: one.cert.replace('MII', 'MIJ') }, /cannot be read/],
    [authority.node('n1', { hours: -1 }), /has expired/],
  ];
  for (const [change, fault] of cases) {
    match(faultOfTexts({ ...one, ...change }, now) ?? '', fault);
  }
  match(faultOfTexts(one, now - YEARS) ?? '', /valid from/);
  equal(faultOfTexts(one, now), undefined);
});
