package packaging

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../.."

// staged is a stage with everything but the programs, made under a umask.
func staged(t *testing.T, e Environment, umask int) (s stage, paths []string) {
	t.Helper()
	defer syscall.Umask(syscall.Umask(umask))
	s = stage{root: filepath.Join(t.TempDir(), "stage"), pkg: e.Package(), at: anOrigin.Time, sources: root}
	require.NoError(t, s.fill(anOrigin, e, []byte("terms\n")))
	require.NoError(t, s.put("usr/bin/testprom", []byte("program"), 0o755))
	paths, err := s.settle(t.Context())
	require.NoError(t, err)
	return s, paths
}

// Whoever makes it, where and when: the same bytes.
func TestTarballAndDeb_AreTheSameBytes(t *testing.T) {
	e := Environments[0]
	var before [][]byte
	for _, umask := range []int{0o022, 0o077, 0o002} {
		s, paths := staged(t, e, umask)
		w := Wish{Out: t.TempDir(), Arch: "amd64"}
		made, err := s.pack(t.Context(), anOrigin, e, w)
		require.NoError(t, err)
		require.Equal(t, []string{
			"veza-drill-incus_1.2.3_linux_amd64.tar.gz", "veza-drill-incus_1.2.3_amd64.deb",
		}, made)
		assert.NotEmpty(t, paths)
		for i, name := range made {
			content, err := os.ReadFile(filepath.Join(w.Out, name))
			require.NoError(t, err)
			if len(before) <= i {
				before = append(before, content)
			}
			assert.True(t, bytes.Equal(before[i], content), "%s differs under umask %o", name, umask)
		}
	}
}

func TestTarball_HoldsFilesOfRootWithTheTimeOfTheCommit(t *testing.T) {
	s, paths := staged(t, Environments[0], 0o077)
	file := filepath.Join(t.TempDir(), "x.tar.gz")
	require.NoError(t, s.tarball(file, "top", paths))
	content, err := os.Open(file)
	require.NoError(t, err)
	defer func() { _ = content.Close() }()
	unzipped, err := gzip.NewReader(content)
	require.NoError(t, err)
	assert.True(t, unzipped.ModTime.IsZero())
	modes := map[string]int64{}
	last := ""
	for r := tar.NewReader(unzipped); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		assert.Equal(t, "root 0 root 0",
			fmt.Sprint(header.Uname, " ", header.Uid, " ", header.Gname, " ", header.Gid), header.Name)
		assert.True(t, anOrigin.Time.Equal(header.ModTime), header.Name)
		assert.Less(t, last, strings.TrimSuffix(header.Name, "/"), "not in order")
		last = strings.TrimSuffix(header.Name, "/")
		modes[header.Name] = header.Mode
	}
	assert.EqualValues(t, 0o755, modes["top/"])
	assert.EqualValues(t, 0o755, modes["top/bin/testprom"])
	assert.EqualValues(t, 0o755, modes["top/lib/veza-drill/pgbackrest-drill"])
	for _, name := range []string{
		"share/man/man1/drill.test.1.gz", "share/bash-completion/completions/testprom",
		"share/zsh/vendor-completions/_testprom", "share/fish/vendor_completions.d/testprom.fish",
		"share/veza-drill/systemd/pgbackrest-drill.timer", "share/veza-drill/prometheus/veza_backup.rules.yml",
		"share/veza-drill/grafana/veza_backup.json", "share/veza-drill/sql/checks.yaml",
		"share/doc/veza-drill-incus/copyright", "share/doc/veza-drill-incus/fixtures/runbooks/backup-check-failed.md",
	} {
		assert.EqualValues(t, 0o644, modes["top/"+name], name)
	}
	for name := range modes {
		assert.NotContains(t, name, "lintian", "Debian's alone")
	}
}

func TestControl_OneMachineHasOneOfThem(t *testing.T) {
	for _, e := range Environments {
		text := control(anOrigin, e, "arm64", 7)
		assert.Contains(t, text, "Package: veza-drill-"+e.Name+"\nVersion: 1.2.3\nArchitecture: arm64\n")
		assert.Contains(t, text, "\nProvides: veza-drill\nConflicts: veza-drill\nReplaces: veza-drill\n")
		assert.NotContains(t, text, "\n\n")
		assert.NotContains(t, text, ": \n")
	}
	assert.Equal(t, "armhf", debArch("arm"))
	assert.Equal(t, "amd64", debArch("amd64"))
	assert.Contains(t, string(changelog(anOrigin, Environments[0])),
		"veza-drill-incus (1.2.3) unstable; urgency=medium\n\n  * Commit 4a12fe12")
}

func TestFindEnvironment_NamesThoseThereAre(t *testing.T) {
	for tag, name := range map[string]string{"drill": "incus", "ci": "docker", "none": "process"} {
		e, err := FindEnvironment(tag)
		require.NoError(t, err)
		assert.Equal(t, name, e.Name)
	}
	_, err := FindEnvironment("drill,ci")
	assert.EqualError(t, err, "TAG=drill,ci: there are drill, ci, none")
}

// Somebody has to look at a module that says nothing of its terms.
func TestCopyright_HoldsTheTermsOfEveryModule(t *testing.T) {
	with := func(files ...string) module {
		m := module{path: "example.org/" + strings.Join(files, ""), version: "v1", dir: t.TempDir()}
		for _, name := range files {
			require.NoError(t, os.WriteFile(filepath.Join(m.dir, name), []byte("terms in "+name+"\n\n"), 0o600))
		}
		return m
	}
	text, err := copyright([]module{with("LICENSE"), with("LICENSE.md", "NOTICE"), with("COPYING"), with("LICENSE")})
	require.NoError(t, err)
	for _, words := range []string{
		"terms in LICENSE\n", "terms in LICENSE.md\n\nterms in NOTICE\n", "terms in COPYING\n",
	} {
		assert.Equal(t, 1, strings.Count(string(text), words), words)
	}
	assert.Contains(t, string(text), "The same text as that of example.org/LICENSE.\n")

	_, err = copyright([]module{with("LICENSE"), with("README.md")})
	require.ErrorContains(t, err, "example.org/README.md v1 has no file with its license")

	free := with("LICENSE")
	terms := []byte(" GNU AFFERO GENERAL PUBLIC LICENSE\n")
	require.NoError(t, os.WriteFile(filepath.Join(free.dir, "LICENSE"), terms, 0o600))
	assert.Equal(t, []string{free.path}, affero([]module{with("COPYING"), free}))
}

func TestMake_RefusesBeforeItCompiles(t *testing.T) {
	for want, w := range map[string]Wish{
		"TAG=lunch":         {Root: root, Tag: "lunch"},
		"is no version":     {Root: root, Tag: "ci", Version: "v1"},
		"SOURCE_DATE_EPOCH": {Root: root, Tag: "ci", Epoch: "now"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		assert.ErrorContains(t, Make(ctx, w, io.Discard), want)
		cancel()
	}
}
