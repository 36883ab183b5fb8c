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
// read of all. An error means that it could not: the reason is sandbox_failed.
func (s *Server) CheckPages(ctx context.Context, told func(done, total int64)) (Checksums, error) {
	// Only standard output can be heard while a command runs, and its progress goes to the other.
	const both = `exec "$0" "$@" 2>&1`
	out, err := s.Host.Run(ctx, host.Command{
		Argv: []string{
			"sh", "-c", both, s.Installation.Program("pg_checksums"), "--check", "--progress", "-D", s.Data,
		},
		Stdout: onProgress(told),
	})
	if exit, ok := errors.AsType[*host.ExitError](err); ok {
		found := ParseChecksums(string(exit.Result.Stdout), s.Data)
		if len(found.Bad) > 0 {
			return found, nil
		}
	}
	if err != nil {
		return Checksums{}, reason.Wrap(reason.SandboxFailed, err)
	}
	return ParseChecksums(string(out.Stdout), s.Data), nil
}

var (
	blocksLine = regexp.MustCompile(`(?m)^Blocks scanned:\s+(\d+)`)
	badLine    = regexp.MustCompile(`checksum verification failed in file "([^"]+)", block (\d+): (.*)`)
	// A page that cannot even be read to its end is damage as well.
	shortLine = regexp.MustCompile(`could not read block (\d+) in file "([^"]+)": (.*)`)
)

// ParseChecksums reads both outputs of pg_checksums in the C locale; file names are
// relative to the data directory.
func ParseChecksums(output, data string) (c Checksums) {
	if match := blocksLine.FindStringSubmatch(output); match != nil {
		c.Blocks, _ = strconv.ParseInt(match[1], 10, 64) // digits
	}
	short := func(file string) string { return strings.TrimPrefix(strings.TrimPrefix(file, data), "/") }
	for line := range strings.Lines(output) {
		if match := badLine.FindStringSubmatch(line); match != nil {
			c.Bad = append(c.Bad,
				fmt.Sprintf("%s, block %s: %s", short(match[1]), match[2], strings.TrimSpace(match[3])))
		} else if match := shortLine.FindStringSubmatch(line); match != nil {
			c.Bad = append(c.Bad, fmt.Sprintf("%s, block %s: it cannot be read: %s",
				short(match[2]), match[1], strings.TrimSpace(match[3])))
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
