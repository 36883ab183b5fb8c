package postgres

import (
	"path"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

// diskFailed is how PostgreSQL says that the machine failed a file of its cluster: the file, and what the kernel said
// at the very end. A name is quoted, so none can be that end; a library's place is none of the cluster's files.
var diskFailed = regexp.MustCompile(`^[Cc]ould not [A-Za-z0-9., -]+ "([^"]+)"[^"]*(?:"[^"]*")?: (?:` + host.DiskFailed +
	`)\.?$`)

// walFailed is the same of a segment, whose name is no more than its number (xlogreader.c, xlogrecovery.c).
var walFailed = regexp.MustCompile(`^could not [a-z ]+ (?:WAL|log) (?:segment|file) [0-9A-F]{24}[^"]*: (?:` +
	host.DiskFailed + `)$`)

// DiskFailed says whether the server answered that the machine failed a file of its cluster, by its words: the code of
// such an error is that of damage for some (EUCLEAN), and that of a right that is lacking for others (EROFS;
// errcode_for_file_access in elog.c).
func DiskFailed(answer *pgconn.PgError) bool {
	found := diskFailed.FindStringSubmatch(answer.Message)
	return found != nil && !RaisedByData(answer) && new(Log).own(found[1])
}

// toolSaid begins what a program of PostgreSQL says (pg_log_generic_v in common/logging.c).
var toolSaid = regexp.MustCompile(`^pg_controldata: (?:error|fatal): `)

// takeDisk takes a line that says so. Names within the data directory are relative to it.
func (l *Log) takeDisk(text string) {
	if l.Disk != "" {
		return
	}
	if walFailed.MatchString(text) {
		l.Disk = text
	} else if found := diskFailed.FindStringSubmatch(text); found != nil && l.own(found[1]) {
		l.Disk = text
	}
}

func (l *Log) own(file string) bool {
	if !path.IsAbs(file) {
		return path.Clean(file) == file && !strings.HasPrefix(file, "../")
	}
	return host.Below(file, l.places)
}

// DiskError is the sandbox_failed of a disk that failed under the server; nil where none did.
func (l Log) DiskError() error {
	if l.Disk == "" {
		return nil
	}
	return reason.Errorf(reason.SandboxFailed, "the disk that was restored to failed, which says nothing about the "+
		"backup: PostgreSQL says %s", l.Disk)
}

// places are the directories of the machine that the server has to itself.
func (s *Server) places() []string {
	return append([]string{s.Data, s.Conf, s.Socket, path.Dir(s.LogFile)}, s.Own...)
}
