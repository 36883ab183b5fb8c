// Package evidence is what others can check without trusting whoever drilled: a directory with one signed
// statement a run, and a ledger that chains them.
//
// An entry is a file NNNNNN.dsse.json, a DSSE envelope (payload type application/vnd.in-toto+json) around an in-toto
// Statement v1, signed with ed25519 when there is a key. The ledger, ledger.jsonl, has one line for it. Every field of
// the line stands in the statement too, the hash of the line before among them: so a signature covers the entry, its
// line, and by the hashes all that was before it.
//
// What the chain cannot show is that its end was cut off, envelopes and lines alike: the age that Gate asks for, a hash
// of a line that was kept elsewhere (Ledger.Holds), and copies in a bucket with object lock do.
package evidence
