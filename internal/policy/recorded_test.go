package policy

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/wal"
)

func recorded(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile("../../fixtures/pgbackrest/expire/" + name)
	require.NoError(t, err)
	return content
}

// made are 27 backups over a timeline switch, all that were made before expire ran.
func made(t *testing.T) []pgbackrest.Backup {
	t.Helper()
	info, err := pgbackrest.ParseInfo(recorded(t, "info.json"))
	require.NoError(t, err)
	list := info.Backups(1)
	require.Len(t, list, 27)
	return list
}

// archived is the archive of a listing, a path a line.
func archived(listing []byte) wal.Archive {
	var files []wal.File
	for line := range strings.FieldsSeq(string(listing)) {
		files = append(files, wal.File{Path: line, Size: 1})
	}
	return wal.NewArchive(files, wal.DefaultSegmentSize)
}

// The same 27 backups, expired by pgBackRest 2.45 once with each of these retentions
// (full-diff-archive): the same backups remain by our rules, and where the archive is kept
// for as many fulls, just the archive they need.
func TestKeep_WhatExpireLeaves(t *testing.T) {
	for name, c := range map[string]struct{ fulls, diffs, archives int }{
		"4-7-4": {
			4, 7, 4,
		}, "4-1-4": {4, 1, 4}, "2-3-2": {2, 3, 2}, "1-1-1": {1, 1, 1}, "4-7-2": {4, 7, 2}, "6-9-6": {
			6, 9,
			6,
		}, "3-7-6": {3, 7, 6},
	} {
		t.Run("retention="+name, func(t *testing.T) {
			var remained []string
			for label := range strings.FieldsSeq(string(recorded(t, name+".backup.txt"))) {
				if strings.HasPrefix(label, "20") {
					remained = append(remained, label)
				}
			}
			require.Equal(t, remained, Keep(made(t), c.fulls, c.diffs))
			var kept []pgbackrest.Backup
			for _, b := range made(t) {
				if strings.Contains(" "+strings.Join(remained, " ")+" ", " "+b.Label+" ") {
					kept = append(kept, b)
				}
			}
			if c.archives == c.fulls {
				assert.Empty(t, CheckArchive(archived(recorded(t, name+".archive.txt")), kept))
			}
		})
	}
}

// pgBackRest 2.45 expired after each of 25 more backups by the customer's policy: every
// time it left what our rules leave of all that were ever made.
func TestKeep_AfterEveryBackup(t *testing.T) {
	ever := made(t)
	var kept []pgbackrest.Backup
	for line := range bytes.Lines(recorded(t, "steps.jsonl")) {
		info, err := pgbackrest.ParseInfo(line)
		require.NoError(t, err)
		kept = info.Backups(1)
		ever = append(ever, kept[len(kept)-1])
		var listed []string
		for _, b := range kept {
			listed = append(listed, b.Label)
		}
		require.Equal(t, listed, Keep(ever, Fulls, Diffs))
	}
	require.Len(t, ever, 27+25)
	assert.Empty(t, CheckArchive(archived(recorded(t, "steps.archive.txt")), kept))
}
