package acceptance

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// Of a page that is damaged in the last segment PostgreSQL says what is wrong, and comes up without the rest. A segment
// that is compressed would not come out of the archive at all.
func TestArchivePage(t *testing.T) { pageFaults.run(t) }

var pageFaults = faults("TestArchivePage", plain, []fault{
	{
		name: "Uncompressed", inject: lastPage(func([]byte) {}), args: "-checks {dir}/checks.yml",
		exit: 0, why: reason.None, words: "the last is {damaged}",
	},
	{
		name: "TimelineBackwards", where: everywhere, inject: lastPage(func(page []byte) {
			binary.LittleEndian.PutUint32(page[4:], 0) // xlp_tli
		}),
		args: "-checks {dir}/checks.yml",
		exit: 1, why: reason.WALCorrupt, words: "archived segment {damaged} | out-of-sequence timeline ID 0 (after 1)",
	},
	{
		name: "ContinuesNothing", inject: lastPage(func(page []byte) {
			binary.LittleEndian.PutUint16(page[2:], binary.LittleEndian.Uint16(page[2:])^1) // XLP_FIRST_IS_CONTRECORD
		}),
		args: "-checks {dir}/checks.yml",
		exit: 1, why: reason.WALCorrupt, words: "archived segment {damaged} | contrecord",
	},
})

// lastPage has the archive end with a segment of several pages, uncompressed (compress-type=none), whose second page is
// changed.
func lastPage(change func([]byte)) func(*repoCopy) {
	return func(rc *repoCopy) {
		allOf(
			without(archived("{last}")), checks("- {name: rows, query: SELECT count(*) FROM users, min: 1}\n"),
		)(rc)
		segments := rc.files("{wal}/*/*.zst")
		file := segments[len(segments)-1]
		rc.names = map[string]string{"damaged": filepath.Base(file)[:24]}
		uncompressed(rc, file, change)
		require.NoError(rc.t, os.Remove(file))
	}
}

// secondName has a segment lie in the archive once more, as a node with compress-type=none pushes it.
func secondName(name string) func(*repoCopy) {
	return func(rc *repoCopy) { uncompressed(rc, rc.files(archived(name))[0], func([]byte) {}) }
}

// uncompressed puts an archived segment beside itself, uncompressed and encrypted as before, with its second page
// changed.
func uncompressed(rc *repoCopy, file string, change func([]byte)) {
	conf, err := os.ReadFile(rc.conf())
	require.NoError(rc.t, err)
	pass := string(regexp.MustCompile(`(?m)^repo1-cipher-pass=(.*)$`).FindSubmatch(conf)[1])
	info, err := os.ReadFile(rc.files("archive/demo/archive.info")[0])
	require.NoError(rc.t, err)
	pass = string(regexp.MustCompile(`(?m)^cipher-pass="(.*)"$`).FindSubmatch(piped(rc, info, pass, opens...))[1])

	bare := strings.TrimSuffix(file, ".zst")
	require.NoError(rc.t, copyTree(file, bare))
	rc.change(bare, func(content []byte) []byte {
		content = decompressed(rc, piped(rc, content, pass, opens...))
		const size = 8192
		assert.NotZero(rc.t, content[size], "the second page is written")
		change(content[size : 2*size])
		return piped(rc, content, pass, closes...)
	})
}

func decompressed(rc *repoCopy, content []byte) []byte {
	rc.t.Helper()
	reader, err := zstd.NewReader(nil)
	require.NoError(rc.t, err)
	defer reader.Close()
	plain, err := reader.DecodeAll(content, nil)
	require.NoError(rc.t, err)
	return plain
}

// What pgBackRest does to a file: AES-256-CBC, by a key that openssl derives from the passphrase.
var (
	opens  = []string{"openssl", "enc", "-d", "-aes-256-cbc", "-md", "sha1", "-pass", "env:PASS"}
	closes = []string{"openssl", "enc", "-e", "-aes-256-cbc", "-md", "sha1", "-pass", "env:PASS"}
)

// piped is what a program makes of a content.
func piped(rc *repoCopy, content []byte, pass string, argv ...string) []byte {
	rc.t.Helper()
	cmd := exec.CommandContext(rc.t.Context(), argv[0], argv[1:]...)
	cmd.Env, cmd.Stdin = append(os.Environ(), "PASS="+pass), bytes.NewReader(content)
	var said bytes.Buffer
	cmd.Stderr = &said
	done, err := cmd.Output()
	require.NoError(rc.t, err, "%s", &said)
	return done
}
