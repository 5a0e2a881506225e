// Package provenance says where a version comes from and proves that it is what was published: signatures by keys of
// the registry, and attestations by who built it. It is pure: keys, roots of trust and bytes come in, verdicts
// go out; nothing is asked over the network.
//
// # Signatures
//
// A Key is ECDSA on P-256. It signs the SHA-256 of
//
//	name@version:integrity
//
// and the signature, ASN.1 in base64, stands in dist.signatures beside the key's id, as npm's own registry has it. The
// id is "SHA256:" and the SHA-256 of the public half's DER in base64.
// Signatures are those of RFC 6979, without randomness: two regions that sign the same version write the same bytes.
//
// A key that has expired still signs well what was published before it did. One that is revoked never did.
//
// A signature proves that the registry that has the key gave this integrity to this version, to who got the public
// half over a way that they trust (GET /-/npm/v1/keys over TLS, the first time). It proves nothing of
// who published, nor that the registry was not told to sign: whoever may write its documents may have anything signed.
// Who steals a private key can sign other bytes as any version, and whoever reads them from somewhere between the
// registry and the installer cannot tell. Then revoke it.
//
// # Attestations
//
// npm publish --provenance sends a Sigstore bundle with the tarball: a statement of in-toto that says which build of which
// repository made it, signed with a certificate that the build got for its OpenID identity. Root.Verify
// proves it offline, against a root of trust (trusted_root.json of a Sigstore; the public-good one is built in):
//
//   - the certificate's chain, and that it was valid when the signature was logged;
//   - the promise of a log of certificates in it, that it is logged;
//   - the signature of the statement (DSSE);
//   - a log's proof, or promise, that it has the signature, and when;
//   - that the statement is about this one version (pkg:npm/%40scope/name@1.0.0) and the SHA-512 of its tarball, and
//     is of one of PredicateTypes;
//   - that the certificate is of a build and names its repository, not of a person or a key, and that the
//     statement names the same repository.
//
// What fails is refused with a Refusal in plain words, as is a bundle of over 1 MiB (MostBundle). A statement proves where and how a tarball was built, not that
// its source is harmless. A root that is years old does not know the newer keys of its Sigstore: what it cannot
// prove it refuses, and another one is a file away.
//
// The publish attestation that npm's own registry adds (github.com/npm/attestation) is not made: npm believes it only with an
// entry in a log of signatures that Sigstore's root of trust names, for which the registry would have to tell a
// public log of each publish. The registry's signature says the same.
package provenance
