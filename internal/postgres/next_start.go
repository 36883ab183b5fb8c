package postgres

import (
	"context"
	"errors"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"veza.fr/recovery/internal/host"
)

// startsNothing is the first major version whose -C goes as far as a start does before it makes anything: it reads the
// whole configuration, loads the libraries, and takes the lock of the data directory for that moment.
const startsNothing = 15

// logLine begins a line that a server which ends at once says; the words may be in any language.
var logLine = regexp.MustCompile(`^\S+ \S+ \S+ \[\d+\] `)

// NextStart says what keeps the next start of a kept cluster, by its own configuration, from coming up, or clients from
// getting in: a locale or a library that is not here, a setting that this build refuses. It is for a server that is
// stopped, and has its configuration back. What could not be asked is nothing.
func (s *Server) NextStart(ctx context.Context) (notes []string) {
	if major, _ := strconv.Atoi(s.Installation.Major()); major >= startsNothing &&
		!slices.Contains(s.Restored.Missing, mainConf) {
		notes = s.refusedStart(ctx)
	}
	return append(notes, s.lackedBySessions(ctx)...)
}

// refusedStart asks PostgreSQL for a value that it reckons when all is read and loaded. Its keys are not: the command
// for the passphrase of one may ask a person.
func (s *Server) refusedStart(ctx context.Context) []string {
	_, err := s.Host.Run(ctx, host.Command{Argv: []string{
		s.Installation.Program("postgres"), "-D", s.Data, "-c", "data_directory=" + s.Data, "-c", "ssl=off", "-C",
		"shared_memory_size",
	}})
	exit, ok := errors.AsType[*host.ExitError](err)
	if !ok || exit.Code > 128 {
		return nil
	}
	var said []string
	for line := range strings.Lines(string(exit.Result.Stderr)) {
		if line = logLine.ReplaceAllString(strings.TrimSpace(line), ""); line != "" {
			said = append(said, line)
		}
	}
	words := strings.Join(said[max(0, len(said)-mostSaid):], "; ")
	if words == "" {
		return nil
	}
	return []string{"PostgreSQL does not start with its own configuration here: " + cutLine(words)}
}

// mostSaid bounds how many lines of a refused start are told: the last ones say why.
const mostSaid = 3

// lackedBySessions are the libraries without which no session begins.
func (s *Server) lackedBySessions(ctx context.Context) (notes []string) {
	at, set := s.Restored.Value("session_preload_libraries")
	if !set || len(splitList(at.Value)) == 0 {
		return nil
	}
	libdir := s.libdir(ctx)
	for _, library := range splitList(at.Value) {
		if !s.installed(ctx, libdir, library) {
			notes = append(notes, at.File+":"+strconv.Itoa(at.Line)+": session_preload_libraries names "+
				path.Base(library)+", which is not here: no client gets in until it is installed, or the line goes")
		}
	}
	return notes
}
