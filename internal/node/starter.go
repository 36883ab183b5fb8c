package node

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Starter is where a restore has started its server: a process of another machine, or of another PID namespace, is not
// to be seen, and a directory may be on a volume of several.
type Starter struct {
	Boot      string `json:"boot_id"`
	Machine   string `json:"machine_id"` // "" is not known, or not this machine's alone
	Namespace uint64 `json:"pid_namespace"`
}

// starterHere is what a server that is started now has.
func starterHere() *Starter {
	s := Starter{Boot: wordOf("/proc/sys/kernel/random/boot_id")}
	// The machine-id of an image is that of all its containers, on every host; systemd gives a machine one of its own.
	if exists("/run/systemd", "system") {
		s.Machine = wordOf("/etc/machine-id")
	}
	var is unix.Stat_t
	if unix.Stat("/proc/self/ns/pid", &is) == nil {
		s.Namespace = is.Ino
	}
	return &s
}

// wordOf is what a file of one word says; "" where there is none.
func wordOf(file string) string {
	content, _ := os.ReadFile(file)
	return strings.TrimSpace(string(content))
}

// sees says whether a server that was started there is either seen from here or has ended.
func (s *Starter) sees(here Starter) bool {
	switch {
	case s == nil || s.Boot == "" || here.Boot == "":
		return false
	case s.Boot == here.Boot:
		return s.Namespace != 0 && s.Namespace == here.Namespace
	}
	return s.Machine != "" && s.Machine == here.Machine // booted since
}

// Starts has the claim remember that a server of the restore is started here; Say writes it.
func (c *Claim) Starts() { c.Started, c.Starter = true, starterHere() }

// GoesOn has the claim remember what one of before says of its server: that may be at work where it was started,
// however often it is not seen elsewhere. A mark of a release before does not say whether there was one.
func (c *Claim) GoesOn(before *Claim) {
	c.Started, c.Starter = before.Started || before.Apart == nil, before.Starter
}

// Ended says whether a server of the restore has ended that is seen nowhere here. Of one that the mark does not tell
// where it was started nobody knows.
func (c *Claim) Ended() bool { return c.Started && c.Starter.sees(*starterHere()) }
