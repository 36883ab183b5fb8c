package node

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Only the set that was being restored is taken up: the tablespaces of another one may be in use.
func TestRefuse_ResumesTheSameSetAlone(t *testing.T) {
	dir := t.TempDir()
	place := Place{Dir: dir, Exists: true, Entries: []string{"base"}}
	claim := &Claim{Data: dir, Set: "20260823-020003F", SystemID: "7", Step: Restoring, Inode: inodeOf(t, dir)}
	asked := Asked{Resume: true, SystemID: "7", Set: claim.Set}
	assert.NoError(t, place.Refuse(asked, claim, ""))
	asked.Set = "20260830-020003F"
	assert.ErrorContains(t, place.Refuse(asked, claim, ""), "add -set 20260823-020003F")
}
