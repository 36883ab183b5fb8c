package acceptance

import (
	"testing"

	"veza.fr/recovery/internal/reason"
)

// Names that are no UTF-8 are no damage, and hide none.
func TestEncoded(t *testing.T) { encodedFaults.run(t) }

// namedAs is the state the cluster had at a restore point.
func namedAs(point string) string { return "-set {newest} -target name:" + point }

var encodedFaults = faults("TestEncoded", encoded, []fault{
	{name: "Names", where: everywhere, args: namedAs("names"), exit: 0, why: reason.None},
	{
		name: "KeyInvalidInLatin1", args: namedAs("latin"), exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "invalid_indexes: | no other index keeps these rows apart",
	},
	{
		name: "KeyInvalidWithoutAnEncoding", args: namedAs("bytes"), exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "invalid_indexes: database bytes | no other index keeps these rows apart",
	},
})
