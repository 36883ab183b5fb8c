package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// of reads a policy that differs from the mission's in some lines.
func of(t *testing.T, lines string) Policy {
	t.Helper()
	p, err := Parse("/etc/veza-drill/policy.yml", []byte(lines))
	require.NoError(t, err, lines)
	return p
}

// Without a file, and for every key that one leaves out, the mission's values hold.
func TestMission(t *testing.T) {
	p := Mission()
	assert.Equal(t, Policy{
		URIStyle: "path", CompressType: "zst", CompressLevel: 3, Fulls: Fulls, Diffs: Diffs, Archives: 4,
		ArchiveTimeout: time.Minute, Schedule: p.Schedule,
	}, p)
	assert.Equal(t, 192*time.Hour, p.Schedule.FullAge())
	assert.Equal(t, 30*time.Hour, p.Schedule.BackupAge())
	for text := range strings.Lines(mission) {
		one := of(t, text)
		one.File = ""
		assert.Equal(t, p, one, text)
	}
	assert.Equal(t, len(keys), strings.Count(mission, "\n"))
}

// Each value of a file that a conf can show: a conf that is right by it alone, one that is right by the mission's
// alone, and what is said of that.
func TestPolicy_EveryValueIsHeld(t *testing.T) {
	for _, c := range []struct{ lines, option, value, says string }{
		{"uri_style: host", "repo1-s3-uri-style", "host", "it must be host"},
		{"compress_type: lz4", "compress-type", "lz4", "backups and WAL are to be lz4; it must be lz4"},
		{"compress_level: 6", "compress-level", "6", "it must be 6"},
		{"retention_full: 8", "repo1-retention-full", "8", "it must be 8"},
		{"retention_diff: 13", "repo1-retention-diff", "13", "it must be 13"},
		{"retention_archive: 2", "repo1-retention-archive", "2", "it must be 2"},
	} {
		t.Run(c.option, func(t *testing.T) {
			usual := line(t, well, c.option)
			other := strings.Replace(well, usual, c.option+"="+c.value+"\n", 1)
			held := of(t, c.lines)
			assert.Empty(t, findings(t, held, other))
			assert.Empty(t, findings(t, Mission(), well))
			for _, wrong := range []struct {
				p    Policy
				conf string
			}{{held, well}, {Mission(), other}} {
				found := findings(t, wrong.p, wrong.conf)
				require.Len(t, found, 1)
				assert.Contains(t, found[0], c.option+"=")
			}
			assert.Contains(t, findings(t, held, well)[0], c.says)
		})
	}
}

// An option that is left out counts as pgBackRest's default, which need not be the policy's.
func TestPolicy_DefaultsThatAreNotThePolicys(t *testing.T) {
	withoutArchive := strings.Replace(well, line(t, well, "repo1-retention-archive"), "", 1)
	found := findings(t, of(t, "retention_archive: 2"), withoutArchive)
	require.Len(t, found, 1)
	assert.Contains(t, found[0], "repo1-retention-archive is not set, which is 4")
	assert.Empty(t, findings(t, of(t, "retention_archive: 4"), withoutArchive))

	gzip := strings.NewReplacer("compress-type=zst", "compress-type=gz", "compress-level=3\n", "").Replace(well)
	assert.Empty(t, findings(t, of(t, "compress_type: gz\ncompress_level: 6"), gzip))
	assert.Len(t, findings(t, of(t, "compress_type: gz"), gzip), 1)
}

// No file makes what is not encrypted, or not in the object store, good.
func TestPolicy_WhatIsNoChoice(t *testing.T) {
	for _, lines := range []string{"cipher_type: none", "type: posix", "verify_tls: n", "compress_type: none"} {
		_, err := Parse("/p.yml", []byte(lines))
		require.ErrorContains(t, err, "/p.yml:1: ")
	}
}

// Whatever is wrong with a file is said with file, line and key, and with what to write instead.
func TestParse_Refused(t *testing.T) {
	for lines, says := range map[string]string{
		"":                    "/p.yml: it is empty: it must hold keys and values",
		"# nothing\n":         "/p.yml: it is empty",
		"---\n":               "/p.yml:2: it must hold keys",
		"- retention_full: 4": "/p.yml:1: it must hold keys",
		"{}":                  "/p.yml:1: it must hold keys",
		"retention_full: 4\n---\nretention_diff: 7": "/p.yml: a second document",
		"retention_full: [":                         "/p.yml: yaml: ",
		"retention_ful: 4":                          `/p.yml:1: "retention_ful" is no key of a policy: there are`,
		"retention_full: 4\nretention_full: 5":      "/p.yml:2: retention_full stands at line 1 already",
		"retention_full: four":                      `/p.yml:1: retention_full: "four" must be a whole number from 1`,
		"retention_full: 0":                         `"0" must be a whole number from 1`,
		"retention_full: 0x4":                       "must be a whole number",
		"retention_full: -1":                        "must be a whole number",
		"retention_full:":                           "/p.yml:1: retention_full must have one value",
		"retention_full: [4]":                       "retention_full must have one value",
		"retention_diff: 99999999":                  "from 1 to 9999999",
		"retention_archive: 5":                      "/p.yml:1: retention_archive: 5 is more than the 4 full backups",
		"retention_full: 2":                         "/p.yml:1: retention_archive: 4 is more than the 2",
		"compress_type: zstd":                       `compress_type: "zstd" must be one of zst, gz, lz4, bz2`,
		"compress_level: 23":                        "from 1 to 22",
		"\ncompress_level: 12\ncompress_type: gz":   "/p.yml:2: compress_level: 12 is no level of gz: write 1 to 9",
		"uri_style: virtual":                        "must be one of path, host",
		"archive_timeout: 0":                        "must be a time as archive_timeout has it, such as 60s",
		"archive_timeout: 1m":                       "must be a time as archive_timeout has it",
		"archive_timeout: 25h":                      "must be at most 24h0m0s",
		"full: Sun *-*-* 02:00:00":                  `full: "Sun *-*-* 02:00:00" is no calendar that the checks read`,
		"full: weekly":                              "is no calendar",
		"full: Sun *-*-* 24:00 UTC":                 "is no calendar",
		"full: Sun *-*-* 02:60 UTC":                 "is no calendar",
		"full: Sun *-*-01..07 02:00 UTC":            "is no calendar",
		"full: Son 02:00 UTC":                       "is no calendar",
		"full: Sun..Mon 02:00 UTC":                  "is no calendar",
		"full: Sun *-*-* 02:00:00 Europe/Paris":     "is no calendar",
		"diff: *-*-* 02:00 UTC":                     "/p.yml: yaml: ",
		"full: &a Sun 02:00 UTC\ndiff: *a":          "/p.yml:2: diff must have one value; a calendar",
	} {
		_, err := Parse("/p.yml", []byte(lines))
		if assert.ErrorContains(t, err, says, lines) {
			why, _ := reason.Of(err)
			assert.Equal(t, reason.ConfigInvalid, why)
		}
	}
	_, err := Read(filepath.Join(t.TempDir(), "none.yml"))
	why, _ := reason.Of(err)
	assert.Equal(t, reason.ConfigInvalid, why)
}

// What is in a file is somebody else's text.
func TestParse_EscapesWhatItQuotes(t *testing.T) {
	for _, lines := range []string{"\"a\\e[31m\": 1", "full: \"x\\e[31m\\n" + strings.Repeat("y", 10000) + "\""} {
		_, err := Parse("/p.yml", []byte(lines))
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "\x1b")
		assert.NotContains(t, err.Error(), "\n")
		assert.Less(t, len(err.Error()), 500)
	}
}

// The file that role dr_drill renders of the defaults of the roles is the mission's policy (.ci/stanzas renders it).
func TestParse_WhatTheRoleRenders(t *testing.T) {
	rendered, err := Read("testdata/role.yml")
	require.NoError(t, err)
	assert.Equal(t, "testdata/role.yml", rendered.File)
	rendered.File, rendered.Since = "", time.Time{}
	assert.Equal(t, Mission(), rendered)
	content, err := os.ReadFile("testdata/role.yml")
	require.NoError(t, err)
	for _, k := range keys {
		assert.Contains(t, string(content), "\n"+k.name+": ", "the role does not render it")
	}
}

// FuzzParse: whatever is in the file, it is a policy that can be judged by, or an error that names the file.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		mission, "", "full: Sun 02:00 UTC", "diff: '*-*-* 00,06,12,18:30:59 UTC'", "? a\n: b", "full: *x", "- 1",
		"<<: {retention_full: 4}", "archive_timeout: 999999h", "%YAML 1.2\n---\nretention_full: !!int 4",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := Parse("/p.yml", content)
		if err != nil {
			why, _ := reason.Of(err)
			require.Equal(t, reason.ConfigInvalid, why)
			require.Contains(t, err.Error(), "/p.yml")
			return
		}
		require.Positive(t, p.Fulls)
		require.Positive(t, p.Diffs)
		require.Positive(t, p.ArchiveTimeout)
		require.LessOrEqual(t, p.Archives, p.Fulls)
		require.LessOrEqual(t, p.Schedule.Gap(true), week)
		require.LessOrEqual(t, p.Schedule.Gap(false), p.Schedule.Gap(true))
		require.Positive(t, p.Schedule.Gap(false))
		now := time.Date(2026, 11, 25, 6, 30, 0, 0, time.UTC)
		slot := p.Schedule.slotOf(now)
		require.False(t, slot.After(now))
		require.True(t, p.Schedule.next(slot).After(now))
		require.Equal(t, slot, p.Schedule.slotOf(slot))
	})
}

// line is that of an option in a conf.
func line(t *testing.T, conf, option string) string {
	t.Helper()
	for text := range strings.Lines(conf) {
		if strings.HasPrefix(text, option+"=") {
			return text
		}
	}
	t.Fatal(option)
	return ""
}

func findings(t *testing.T, p Policy, conf string) []string {
	t.Helper()
	parsed, err := pgbackrest.ParseConfig(rightFile.Path, []byte(conf))
	require.NoError(t, err)
	_, found := p.CheckConf(parsed, "veza", 1, rightFile)
	return found
}
