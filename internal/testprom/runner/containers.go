package runner

import (
	"debug/buildinfo"
	"fmt"
	"os/exec"
	"strings"
)

// engines are what the build tags make sandboxes in. A testprom that was built without one
// knows nothing of it: what it does not need, it does not compile.
var engines = map[string]string{"ci": "Docker", "drill": "Incus"}

// notAsked says, after testprom -reap, how to ask for containers too; empty when this build does.
func (w World) notAsked() string {
	if w.Tag != "" {
		return ""
	}
	return "containers were not asked for: " + reapCommand("drill") + " asks Incus; of veza-drill-docker, or with " +
		"-tags ci, Docker"
}

// notCleaned says what a killed run with these build tags may have left, that this build cannot
// remove; empty when it can.
func (w World) notCleaned(tags []string) string {
	for _, tag := range tags {
		if engine, ok := engines[tag]; ok && tag != w.Tag {
			return fmt.Sprintf("what it left in %s stays: this build does not know it; %s removes it",
				engine, reapCommand(tag))
		}
	}
	return ""
}

// reapCommand is what to type: an installed testprom has no checkout to build another one from.
func reapCommand(tag string) string {
	return fmt.Sprintf("`testprom -reap` of package veza-drill-%s (in a checkout `go run -tags %s "+
		"./internal/cmd/testprom -reap`)", strings.ToLower(engines[tag]), tag)
}

// tagsOf are the build tags of what is run: of a test binary those it was compiled with, of
// go test those that it is told, by flag or in GOFLAGS.
func tagsOf(typed, env []string) []string {
	text := ""
	if isGoTest(typed) {
		own, _ := splitArgs(typed[1:])
		text = flags(own).or("tags", flags(strings.Fields(lookup(env, "GOFLAGS")))["tags"])
	} else if path, err := exec.LookPath(typed[0]); err == nil {
		text = tagsOfBinary(path)
	}
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func tagsOfBinary(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "-tags" {
			return setting.Value
		}
	}
	return ""
}
