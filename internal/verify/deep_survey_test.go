package verify

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSurvey_LeavesTheClusterSessions(t *testing.T) {
	for sessions, want := range map[int]int{100: 32, 20: 10, 1: 1, 0: 1} {
		assert.Equal(t, want, survey{sessions: sessions}.workers(32), "max_connections %d", sessions)
	}
}
