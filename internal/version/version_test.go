package version

import (
	"bytes"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

const commit = "4a12fe1276721ded5b96da9ab1519f3ace7a5a25"

// build is what Go writes into a binary, with the settings given as key=value.
func build(settings ...string) *debug.BuildInfo {
	info := &debug.BuildInfo{GoVersion: "go1.26.8", Settings: []debug.BuildSetting{
		{Key: "GOOS", Value: "linux"}, {Key: "GOARCH", Value: "arm64"},
	}}
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		info.Settings = append(info.Settings, debug.BuildSetting{Key: key, Value: value})
	}
	return info
}

func TestOf_SaysWhatIsKnownAndNoMore(t *testing.T) {
	vcs := []string{"vcs.revision=" + commit, "vcs.time=2026-11-29T09:35:29Z", "vcs.modified=false"}
	for name, c := range map[string]struct {
		linked   string
		archived string
		info     *debug.BuildInfo
		want     string
	}{
		"plain go build without git": {
			info: build(), want: "x unreleased, commit unknown, go1.26.8 linux/arm64, environment process",
		},
		"plain go build in a checkout": {
			info: build(vcs...),
			want: "x unreleased, commit 4a12fe127672 of 2026-11-29, go1.26.8 linux/arm64, environment process",
		},
		"one with changes": {
			info: build(append(vcs, "vcs.modified=true", "-tags=ci")...),
			want: "x unreleased, commit 4a12fe127672 of 2026-11-29 with changes, go1.26.8 linux/arm64, " +
				"environment docker",
		},
		"make dist": {
			linked: "1.2.3|" + commit + "|2026-11-29T09:35:29Z", info: build("-tags=netgo,drill"),
			want: "x 1.2.3, commit 4a12fe127672 of 2026-11-29, go1.26.8 linux/arm64, environment incus",
		},
		"make dist with changes": {
			linked: "1.2.3+dirty.0a1b|" + commit + "|2026-11-29T09:35:29Z", info: build("-tags=drill"),
			want: "x 1.2.3+dirty.0a1b, commit 4a12fe127672 of 2026-11-29 with changes, go1.26.8 linux/arm64, " +
				"environment incus",
		},
		"make dist without a commit": {
			linked: "1.2.3||", info: build("-tags=drill"),
			want: "x 1.2.3, commit unknown, go1.26.8 linux/arm64, environment incus",
		},
		"plain go build in what git archive wrote": {
			archived: commit + "|2026-11-29T09:35:29Z|", info: build(),
			want: "x unreleased, commit 4a12fe127672 of 2026-11-29, go1.26.8 linux/arm64, environment process",
		},
		"no build info": {want: "x unreleased, commit unknown, unknown /, environment process"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, of(c.info, c.linked, c.archived).Line("x"))
		})
	}
}

func TestParse_TakesAWholeCommitOrNothing(t *testing.T) {
	at := time.Date(2026, 11, 29, 9, 35, 29, 0, time.UTC)
	got, when, described := parse(commit + "|2026-11-29T10:35:29+01:00|v1.2.3-4-g4a12fe1")
	assert.Equal(t, commit, got)
	assert.Equal(t, at, when)
	assert.Equal(t, "v1.2.3-4-g4a12fe1", described)

	_, _, described = parse(commit + "|2026-11-29T09:35:29Z|%(describe:tags,match=v[0-9]*)")
	assert.Empty(t, described, "an old git leaves the words it does not know")
	for _, text := range []string{
		"", "||", "$" + "Format:%H|%cI|$", commit, commit + "|yesterday|", commit[:12] + "|2026-11-29T09:35:29Z|",
		"HEAD" + commit + "||",
	} {
		got, when, described = parse(text)
		assert.Empty(t, got, text)
		assert.Zero(t, when, text)
		assert.Empty(t, described, text)
	}
}

func TestPrint_IsOneLine(t *testing.T) {
	var out bytes.Buffer
	Print(&out, "testprom")
	assert.Regexp(t, `^testprom unreleased, commit .*, go1\..* linux/.*, environment [a-z]+\n$`, out.String())
}
