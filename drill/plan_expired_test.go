package drill

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
)

// A hole after an old set names the option that may have made it; any other stays as it is.
func TestPlanExpired(t *testing.T) {
	backups := []pgbackrest.Backup{{Label: "20260101-000000F", Type: "full"}, {Label: "20260102-000000F", Type: "full"}}
	one := policy.ArchiveRetention{Backups: 1, Types: []string{"full"}, Said: "repo1-retention-archive=1"}
	hole, corrupt := reason.Errorf(reason.WALMissing, "hole"), reason.Errorf(reason.WALCorrupt, "cut")
	old, newest := plan{backups: backups, set: backups[0]}, plan{backups: backups, set: backups[1]}
	err := old.expired(one, hole)
	why, _ := reason.Of(err)
	assert.Equal(t, reason.WALMissing, why)
	assert.ErrorContains(t, err, "hole; by repo1-retention-archive=1 expire leaves the archive whole from backup "+
		"20260102-000000F on")
	assert.Equal(t, hole, newest.expired(one, hole))
	assert.Equal(t, corrupt, old.expired(one, corrupt))
	assert.Equal(t, hole, old.expired(policy.ArchiveRetention{}, hole))
	assert.NoError(t, old.expired(one, nil))
}
