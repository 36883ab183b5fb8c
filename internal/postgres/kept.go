package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/host"
)

// OursPrefix begins the name of whatever a run makes in a restored cluster: its reader, and the schemas with functions
// of its own. 26 letters that nobody could know follow.
const OursPrefix = "veza_drill_"

// oursPattern is a regular expression of PostgreSQL for such names.
const oursPattern = "'^" + OursPrefix + "[a-z2-7]{26}$'"

// archiveMode is that of a kept cluster while it is restored: on where its own is, so that the history of the timeline
// it begins, and every segment of it, waits for the archive. Nothing leaves it meanwhile, since archive_command is
// empty. Where no restored file says it, as where the configuration is in /etc or comes from a file there or from the
// command line, they wait as well: should it turn out to be off, nobody looks at what waits. What always adds while it
// is in recovery came from the archive, and would be kept in pg_wal and archived a second time.
func (s *Server) archiveMode() string {
	r := s.Restored
	mode, set := r.Value("archive_mode")
	level, _ := r.Value("wal_level")
	said := set && !r.mayBeOutside("archive_mode") // by a file that came back, and no other one can say otherwise
	switch {
	case strings.EqualFold(level.Value, "minimal") && !r.mayBeOutside("wal_level"): // with which no other goes
		return "off"
	case said && slices.Contains(offValues, strings.ToLower(mode.Value)):
		return "off"
	case !set && !s.Archived && len(r.Missing) == 0 && len(r.Outside) == 0: // PostgreSQL's own default
		return "off"
	}
	return "on"
}

// RemoveOurs takes away, from every database of a kept cluster that can be entered, what this run or one that was
// killed has made there, and puts the connection limits back that this run has lifted.
func (s *Server) RemoveOurs(ctx context.Context) error {
	conn, err := s.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // what was written is committed
	databases, err := enterable(ctx, conn)
	if err != nil {
		return err
	}
	var left error // one that cannot be entered keeps nothing in the others
	for _, database := range databases {
		in, failed := s.Connect(ctx, database)
		if failed == nil {
			failed = removeSchemas(ctx, in)
			_ = in.Close(ctx) // what was written is committed
		}
		if failed != nil {
			left = errors.Join(left, fmt.Errorf("database %s: %w", database, failed))
		}
	}
	if err = writing(ctx, conn); err == nil {
		err = errors.Join(where(ctx, conn, anyRole, removeRoles),
			where(ctx, conn, notBack(s.Limits), putBack(s.Limits)))
	}
	return errors.Join(left, err)
}

// writing makes a session one that may write, and in which triggers of the data do not fire.
func writing(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SET default_transaction_read_only = off; SET session_replication_role = replica")
	return err
}

// where runs a block where a query says that there is something to do; both are "" where there is not. Blocks are for
// names of the whole cluster, which may be of an encoding that no statement of this database can hold. Without
// plpgsql here, which blocks need, this run has made nothing of the kind.
func where(ctx context.Context, conn *pgx.Conn, query, block string) error {
	if query == "" {
		return nil
	}
	var some bool
	err := conn.QueryRow(ctx, query).Scan(&some)
	if err == nil && some {
		_, err = conn.Exec(ctx, block)
	}
	return err
}

// enterable are the databases that can be entered, by the bytes of their names: who connects is looked for by those,
// and the encoding of the database that the session is in is not that of the others' names.
func enterable(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	if err := AsStored(ctx, conn); err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx,
		"SELECT datname::text FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// WithoutEventTriggers runs statements of ours, all or none, while no event trigger of the data fires, and leaves those
// as they were: nobody else ever sees them disabled. The session may write, in the encoding of its database, and its
// session_replication_role is replica, so that only those that are ENABLE REPLICA or ALWAYS are in the way. The
// statements begin and end no transaction: what is sent at once is one.
func WithoutEventTriggers(ctx context.Context, conn *pgx.Conn, ours ...string) error {
	const firing = ` FROM pg_catalog.pg_event_trigger WHERE evtenabled IN ('R', 'A')`
	off, err := statements(ctx, conn, `SELECT pg_catalog.format('ALTER EVENT TRIGGER %I DISABLE', evtname)`+firing)
	if err != nil {
		return err
	}
	again, err := statements(ctx, conn, `SELECT pg_catalog.format('ALTER EVENT TRIGGER %I ENABLE %s', evtname,
		CASE evtenabled WHEN 'R' THEN 'REPLICA' ELSE 'ALWAYS' END)`+firing)
	if err == nil {
		_, err = conn.Exec(ctx, strings.Join(slices.Concat(off, ours, again), ";\n"))
	}
	return err
}

// removeSchemas takes away what a run has made in one database.
func removeSchemas(ctx context.Context, conn *pgx.Conn) error {
	if err := errors.Join(writing(ctx, conn), AsStored(ctx, conn)); err != nil {
		return err
	}
	ours, err := statements(ctx, conn, `SELECT pg_catalog.format('DROP SCHEMA %I CASCADE', nspname)
		FROM pg_catalog.pg_namespace WHERE nspname ~ `+oursPattern)
	if err != nil || len(ours) == 0 {
		return err
	}
	return WithoutEventTriggers(ctx, conn, ours...)
}

// anyRole says whether there is a role to remove.
const anyRole = `SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname ~ ` + oursPattern + `)`

// removeRoles works for all databases: the reader owns nothing, and what it was granted are databases.
const removeRoles = `DO $$
	DECLARE n text; d text;
	BEGIN
		FOR n IN SELECT rolname FROM pg_catalog.pg_roles WHERE rolname ~ ` + oursPattern + ` LOOP
			FOR d IN SELECT datname FROM pg_catalog.pg_database, pg_catalog.aclexplode(datacl) a
				WHERE a.grantee = n::pg_catalog.regrole LOOP
				EXECUTE pg_catalog.format('REVOKE ALL ON DATABASE %I FROM %I', d, n);
			END LOOP;
			EXECUTE pg_catalog.format('DROP ROLE %I', n);
		END LOOP;
	END $$`

// wrongSize is how a replay ends at an archived segment that is cut, where nothing that unpacks it finds that first
// (xlogarchive.c); of one that cannot be unpacked, restore_command fails, and recovery takes it for the end.
var wrongSize = regexp.MustCompile(`FATAL:\s+archive file "([0-9A-F]{24})" has wrong size`)

// CutSegment is the segment that a replay ended at because it has not the right size, by a server log; "" for none.
func CutSegment(log string) string {
	all := wrongSize.FindAllStringSubmatch(log, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

// RestoreUpTo has recovery find a segment not in the archive, and so end before it. It is for a server that is not
// running.
func (s *Server) RestoreUpTo(ctx context.Context, segment string) error {
	return s.addToAutoConf(ctx, func(conf string) (string, error) { return upTo(conf, segment) })
}

// upTo is the line to add to a postgresql.auto.conf.
func upTo(conf, segment string) (string, error) {
	before, err := restoreCommandOf(conf)
	if err != nil {
		return "", err
	}
	command := `if [ "%f" = ` + segment + " ]; then exit 1; else " + before + "; fi"
	return "\n" + restoreCommand + " = " + quoted(command) + "\n", nil
}

// HandBack gives a kept cluster that is stopped its own postgresql.auto.conf back, without what pgBackRest added for
// the restore: restore_command and the targets name files of the run. What stood there before comes back. The
// options of the last start go, which no backup has: `pg_ctl restart` would start the cluster by them. They go last:
// as long as they are there, -resume takes up what was killed before.
func (s *Server) HandBack(ctx context.Context) error {
	if s.autoConf != nil {
		content := handedBack(string(s.autoConf))
		if err := s.putAutoConf(ctx, []byte(content)); err != nil {
			return err
		}
	}
	_, err := s.Host.Run(ctx, host.Command{Argv: []string{"rm", "-f", path.Join(s.Data, "postmaster.opts")}})
	return err
}

// PutBack gives a kept cluster whose recovery has not ended its postgresql.auto.conf back as pgBackRest wrote it, and
// closes it: what restore_command names goes with the run. Started without -resume, such a cluster would find no more
// WAL, take that for the end of the archive, and archive a timeline that lacks the rest.
func (s *Server) PutBack(ctx context.Context) error {
	content := s.autoConf
	if content == nil { // never started; or there is none
		var err error
		if content, err = s.Host.Read(ctx, path.Join(s.Data, autoConf)); errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return s.putAutoConf(ctx, []byte(opened(string(content))+closed))
}

// handedBack is a restored postgresql.auto.conf without the settings of a recovery, pgBackRest's own or older ones
// that ALTER SYSTEM or an earlier restore left.
func handedBack(content string) string {
	if at := strings.LastIndex("\n"+content, "\n"+generated); at >= 0 {
		content = content[:at]
	}
	lines := slices.DeleteFunc(strings.Split(content, "\n"), func(line string) bool {
		s, ok := parseConfLine(line)
		return ok && (s.Name == restoreCommand || slices.Contains(targets, s.Name)) ||
			strings.HasPrefix(line, generated)
	})
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}

// byPgbackrest is the restore_command that pgBackRest writes with each restore, and with it a standby's.
var byPgbackrest = regexp.MustCompile(`^("?)(/[^"\s]*/)?pgbackrest"? [^;&|]*\barchive-get %f "?%p"?\s*$`)

// InTheWay are the lines of a handed back configuration that keep the next start from working as it should, and files
// that it needs and that no backup had. resolved is a path of this machine without symbolic links.
func (s *Server) InTheWay(resolved func(string) string) (notes []string) {
	for _, file := range s.Restored.Missing {
		notes = append(notes, file+" is in no backup (Debian keeps it in /etc/postgresql): "+s.bring(file, resolved))
	}
	for _, setting := range s.Restored.Effective() {
		place := setting.File + ":" + strconv.Itoa(setting.Line)
		switch {
		case setting.Value == "":
		case setting.Name == "synchronous_standby_names":
			notes = append(notes, place+": synchronous_standby_names = "+quoted(setting.Value)+": the first commit "+
				"waits until such a standby is there; pg_auto_failover sets it itself, else comment it out for now")
		case setting.Name == restoreCommand && setting.File == autoConf: // handedBack; its value may hold a secret
			if !byPgbackrest.MatchString(setting.Value) {
				notes = append(notes, place+" of the backup: restore_command was there (ALTER SYSTEM, or an earlier "+
					"restore), and is not any more: set it again once the cluster runs, if its standbys need it")
			}
		case strings.HasPrefix(setting.Name, "recovery_target") && setting.File != autoConf &&
			slices.Contains(targets, setting.Name):
			notes = append(notes, place+": "+setting.Name+" = "+quoted(setting.Value)+": comment it out, the next "+
				"standby of this cluster would stop there")
		}
	}
	for _, place := range s.Restored.Refused {
		notes = append(notes, place+": PostgreSQL refuses this line, and does not start")
	}
	return slices.Concat(notes, s.tooFewPrepared(), s.intoOther(resolved))
}

// bring is what to do about a file of the configuration that is in no backup. What Debian writes into its
// postgresql.conf names the directory of the old cluster, which a copy would start.
func (s *Server) bring(file string, resolved func(string) string) string {
	its, copied := "", ""
	if file == mainConf {
		its = " with data_directory = '" + s.Data + "'"
		copied = its + ", hba_file and ident_file there, what it includes, and no external_pid_file"
	}
	if s.Origin != "" && resolved(s.Origin) == resolved(s.Data) {
		return "the cluster's service reads it there, and needs it" + its + "; pg_ctl and pg_autoctl read a copy in " +
			s.Data + copied
	}
	return "put it into " + s.Data + copied + " before PostgreSQL is started"
}

// intoOther are the lines that lead the next start into another directory than the one that was restored: a cluster
// that is restored beside the old one would be configured by that, or even start it.
func (s *Server) intoOther(resolved func(string) string) (notes []string) {
	say := func(at Setting, plain string) {
		notes = append(notes, fmt.Sprintf("%s:%d: %s = %s: %s", at.File, at.Line, at.Name, quoted(at.Value), plain))
	}
	moved := s.Origin != "" && resolved(s.Origin) != resolved(s.Data)
	there := func(at Setting) bool {
		return moved && (below(at.Value, s.Origin) || below(at.Value, resolved(s.Origin)))
	}
	for _, at := range s.Restored.Effective() {
		switch {
		case at.Name == "data_directory":
			if at.Value != "" && resolved(at.Value) != resolved(s.Data) {
				say(at, "PostgreSQL starts what lies there, not what was restored: make it "+s.Data)
			}
		case there(at):
			say(at, "it names a file of the directory that the backup was taken of: make it one of "+s.Data)
		}
	}
	for _, at := range append(slices.Clone(s.Restored.Moved), s.Restored.Outside...) {
		if there(at) {
			say(at, "it reads a file of the directory that the backup was taken of: make it one of "+s.Data)
		}
	}
	return notes
}
