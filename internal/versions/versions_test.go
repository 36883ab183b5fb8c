package versions

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOlder_ComparesNumbersNotText(t *testing.T) {
	assert.True(t, Older("2.45", "2.55.1"))
	assert.True(t, Older("2.9", "2.45"))
	assert.True(t, Older("2.55", "2.55.1"))
	assert.False(t, Older("2.45", "2.45"))
	assert.False(t, Older("2.55.1", "2.55"))
	assert.False(t, Older("2.56dev", "2.55"))
}

// Every difference begins or ends somewhere, and says where that is known from.
func TestTable_IsWhole(t *testing.T) {
	for _, list := range [][2]Difference{{OfflineReplaysNothing, endOfPgBackRest}, {ReadAllData, endOfPostgreSQL}} {
		for d := list[0]; d < list[1]; d++ {
			r, listed := table[d]
			assert.True(t, listed, "difference %d has no row", d)
			assert.NotEqual(t, r.since, r.until, "%s: every version has it", r.source)
			assert.NotEmpty(t, r.source)
		}
	}
	assert.Len(t, table, int(endOfPgBackRest-OfflineReplaysNothing)+int(endOfPostgreSQL-ReadAllData))
}

func TestIn(t *testing.T) {
	assert.False(t, BlockIncremental.In("2.45"))
	assert.True(t, BlockIncremental.In("2.46"))
	assert.True(t, BlockIncremental.In("2.60.0"))
	assert.True(t, RepoPut.In("2.59.1"))
	assert.False(t, RepoPut.In("2.60.0"))
	assert.False(t, RestrictedSearchPath.In("16.9"))
	assert.True(t, RestrictedSearchPath.In("17"))
	assert.True(t, RestrictedSearchPath.In("17.12"))
	assert.True(t, NarrowMultixacts.In("18.6"))
	assert.False(t, NarrowMultixacts.In("19.0"))
	assert.Equal(t, "2.58", PlainHTTP.Since())
}
