package guest

import (
	_ "embed"
	"strings"
)

// The programs that act inside a machine. They are Perl because perl-base is Essential
// in Debian: it is in every image.
var (
	//go:embed scripts/run.pl
	runScript string
	//go:embed scripts/kill.pl
	killScript string
	//go:embed scripts/put.pl
	putScript string
	//go:embed scripts/read.pl
	readScript string
	// ListensScript says whether somebody listens at a unix socket.
	//
	//go:embed scripts/listens.pl
	ListensScript string
	//go:embed scripts/relay.pl
	relayScript string
)

// Perl is the argv of one of the scripts.
func Perl(script string, args ...string) []string {
	return append([]string{"/usr/bin/perl", "-e", script, "--"}, args...)
}

// Quote writes a word for a POSIX shell.
func Quote(s string) string {
	plain := func(r rune) bool {
		return r < 0x80 &&
			(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+,",
				r))
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
