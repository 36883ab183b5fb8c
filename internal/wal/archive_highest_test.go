package wal

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// PostgreSQL stops at the first number without a history, and pgBackRest takes the highest.
func TestHighest_PassesOverAGap(t *testing.T) {
	files := []File{{Path: "00000002.history"}, {Path: "00000009.history"}, {Path: "0000000A.history.gz"}}
	a := NewArchive(files, 16<<20)
	assert.Equal(t, uint32(2), a.Newest(1))
	assert.Equal(t, uint32(9), a.Highest())
	assert.Zero(t, Archive{}.Highest())
}
