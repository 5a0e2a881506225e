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
package provenance
