// Package version says which build of the product a program is: the version and the commit as
// `make dist` linked them in, else what Go itself wrote into the binary, else what git archive
// wrote into the source. What none of them knows is called unknown.
package version

import (
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Unlinked is the version of what `make dist` did not build.
const Unlinked = "unreleased"

// unknown is a commit that nobody wrote down.
const unknown = "unknown"

// linked is VERSION|COMMIT|TIME, set by `make dist` (go build -ldflags -X).
var linked string

// Build is one build of one program.
type Build struct {
	Version     string
	Commit      string    // whole, "" when unknown
	Time        time.Time // of the commit; zero when unknown
	Modified    bool      // there was more in the checkout than the commit
	Go          string
	Platform    string // as in linux/amd64
	Environment string // process, docker or incus, as the build tag chose it
}

// Print writes the line of -version for the program that runs.
func Print(out io.Writer, program string) {
	info, _ := debug.ReadBuildInfo()
	_, _ = fmt.Fprintln(out, Of(info).Line(program))
}

// Archived is what git archive wrote into the source: commit, its time, and the description by
// tags, "" without one. It is not ok in a checkout.
func Archived() (commit string, at time.Time, described string, ok bool) {
	commit, at, described = parse(archived)
	return commit, at, described, commit != ""
}

// Of reads what is known of a build; info is nil for a program built without modules.
func Of(info *debug.BuildInfo) Build { return of(info, linked, archived) }

func of(info *debug.BuildInfo, linked, archived string) Build {
	settings := map[string]string{}
	b := Build{Version: Unlinked, Go: unknown}
	if info != nil {
		b.Go = info.GoVersion
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
	}
	b.Platform = settings["GOOS"] + "/" + settings["GOARCH"]
	b.Environment = environment(strings.Split(settings["-tags"], ","))
	b.Modified = settings["vcs.modified"] == "true"
	switch {
	case linked != "":
		name, rest, _ := strings.Cut(linked, "|")
		b.Version = name
		b.Commit, b.Time, _ = parse(rest + "|")
		b.Modified = strings.Contains(name, "+dirty")
	case settings["vcs.revision"] != "":
		b.Commit, b.Time, _ = parse(settings["vcs.revision"] + "|" + settings["vcs.time"] + "|")
	default:
		b.Commit, b.Time, _ = parse(archived)
	}
	return b
}

// parse reads COMMIT|TIME|DESCRIPTION. What is no commit gives nothing at all: the format, where
// git archive was not at work, or the text of an older git that does not know a part of it.
func parse(text string) (commit string, at time.Time, described string) {
	parts := strings.Split(text, "|")
	if len(parts) != 3 || len(parts[0]) < 40 || strings.Trim(parts[0], "0123456789abcdef") != "" {
		return "", time.Time{}, ""
	}
	at, err := time.Parse(time.RFC3339, parts[1])
	if err != nil {
		return "", time.Time{}, ""
	}
	if strings.Contains(parts[2], "%") {
		parts[2] = ""
	}
	return parts[0], at.UTC(), parts[2]
}

// environment is the label value that a build tag stands for.
func environment(tags []string) string {
	switch {
	case slices.Contains(tags, "drill"):
		return "incus"
	case slices.Contains(tags, "ci"):
		return "docker"
	}
	return "process"
}

// Line is what -version prints.
func (b Build) Line(program string) string {
	commit := unknown
	if b.Commit != "" {
		commit = fmt.Sprintf("%.12s of %s", b.Commit, b.Time.Format(time.DateOnly))
	}
	if b.Modified {
		commit += " with changes"
	}
	return fmt.Sprintf("%s %s, commit %s, %s %s, environment %s",
		program, b.Version, commit, b.Go, b.Platform, b.Environment)
}
