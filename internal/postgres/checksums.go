package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

// Checksums is what pg_checksums said of every page.
type Checksums struct {
	Blocks int64
	Bad    []string // "base/5/16384, block 0: calculated checksum 1A2B but block contains 3C4D"
	Strays []string // files of no relation, which are not judged
	Ended  string   // the one of them that pg_checksums ended at; "" is none
}

// HasChecksums says whether pages carry one.
func (c Control) HasChecksums() bool { return c["Data page checksum version"] != "0" }

// StopCleanly stops the cluster with a last checkpoint, as pg_checksums wants it.
func (s *Server) StopCleanly(ctx context.Context) error {
	_, err := s.Host.Run(ctx, host.Command{Argv: []string{
		s.Installation.Program("pg_ctl"), "stop", "-s", "-w", "-t", strconv.Itoa(secondsLeft(ctx)),
		"-m", "fast", "-D", s.Data,
	}})
	return err
}

// CheckPages has pg_checksums read every page of the stopped cluster, and tells how many bytes are
// read of all. An error means that it could not: the reason is sandbox_failed. Files of no relation are kept out of its
// way meanwhile, unless the cluster is to stay as it is.
func (s *Server) CheckPages(ctx context.Context, told func(done, total int64)) (Checksums, error) {
	strays, err := s.strays(ctx)
	if err != nil {
		return Checksums{}, reason.Wrap(reason.SandboxFailed, err)
	}
	if len(strays) > 0 && !s.Kept {
		defer s.hide(ctx, strays)()
	}
	// Only standard output can be heard while a command runs, and its progress goes to the other.
	const both = `exec "$0" "$@" 2>&1`
	out, err := s.Host.Run(ctx, host.Command{
		Argv: []string{
			"sh", "-c", both, s.Installation.Program("pg_checksums"), "--check", "--progress", "-D", s.Data,
		},
		Stdout: onProgress(told),
	})
	text := string(out.Stdout)
	exit, ended := errors.AsType[*host.ExitError](err)
	if ended {
		text = string(exit.Result.Stdout)
	}
	found := ParseChecksums(text, s.Data)
	found.Strays = strays
	disk := diskLine.FindStringSubmatch(text)
	switch {
	case err == nil, ended && len(found.Bad) > 0, ended && found.Ended != "":
		return found, nil
	case ended && disk != nil:
		return Checksums{}, reason.Errorf(reason.SandboxFailed, "the disk that was restored to failed, which says "+
			"nothing about the backup: pg_checksums says %s", disk[1])
	case ended && wrongOnly(text):
		return found, nil
	}
	return Checksums{}, reason.Wrap(reason.SandboxFailed, err)
}

// wrongOnly says whether pg_checksums came to its end, and found wrong pages.
func wrongOnly(output string) bool { return blocksLine.MatchString(output) }

var (
	blocksLine = regexp.MustCompile(`(?m)^Blocks scanned:\s+(\d+)`)
	badLine    = regexp.MustCompile(`checksum verification failed in file "([^"]+)", block (\d+): (.*)`)
	// A file that ends within a page is damage as well; what the kernel says of it is not.
	shortLine  = regexp.MustCompile(`could not read block (\d+) in file "([^"]+)": (read \d+ of \d+)\s*$`)
	numberLine = regexp.MustCompile(`invalid segment number -?\d+ in file name "([^"]+)"`)
	diskLine   = regexp.MustCompile(`(?m)^pg_checksums: (?:error: )?(could not .*: (?:` + host.DiskFailed + `))$`)
)

// ParseChecksums reads both outputs of pg_checksums in the C locale; file names are
// relative to the data directory. Only files of relations are judged.
func ParseChecksums(output, data string) (c Checksums) {
	if match := blocksLine.FindStringSubmatch(output); match != nil {
		c.Blocks, _ = strconv.ParseInt(match[1], 10, 64) // digits
	}
	short := func(file string) string { return strings.TrimPrefix(strings.TrimPrefix(file, data), "/") }
	for line := range strings.Lines(output) {
		if match := badLine.FindStringSubmatch(line); match != nil && ofRelation.MatchString(short(match[1])) {
			c.Bad = append(c.Bad,
				fmt.Sprintf("%s, block %s: %s", short(match[1]), match[2], strings.TrimSpace(match[3])))
		} else if match = numberLine.FindStringSubmatch(line); match != nil {
			c.Ended = short(match[1])
		} else if match = shortLine.FindStringSubmatch(line); match != nil {
			file := short(match[2])
			if !ofRelation.MatchString(file) {
				c.Ended = file
				continue
			}
			c.Bad = append(c.Bad, fmt.Sprintf("%s, block %s: it cannot be read: %s", file, match[1], match[3]))
		}
	}
	return c
}

// progressLine is pg_checksums' " 12/345 MB (3%) computed", once a second.
var progressLine = regexp.MustCompile(`^\s*(\d{1,12})/(\d{1,12}) MB \(\d+%\) computed`)

// onProgress is a writer of pg_checksums' output that hears how far it is, in bytes. A piece that does
// not begin with a line of progress is left out: the next one comes in a second.
func onProgress(told func(done, total int64)) io.Writer { return progress(told) }

type progress func(done, total int64)

func (p progress) Write(text []byte) (int, error) {
	if match := progressLine.FindSubmatch(text); match != nil && p != nil {
		const megabyte = 1 << 20
		done, _ := strconv.ParseInt(string(match[1]), 10, 64)  // digits
		total, _ := strconv.ParseInt(string(match[2]), 10, 64) // digits
		p(done*megabyte, total*megabyte)
	}
	return len(text), nil
}
