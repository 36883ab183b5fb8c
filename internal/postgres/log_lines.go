package postgres

import (
	"regexp"
	"strings"
	"time"
)

// logReader reads a server log line by line, and knows which lines may say what.
//
// A function of the data writes into the log as well: a warning is a line of its session, and
// what a program prints that it runs (COPY PROGRAM, an untrusted language) stands there raw.
// So it is read in two parts. Until the postmaster says that it takes connections no SQL of
// the data has run (hot_standby is off), and every line counts, those of archive-get without
// a prefix among them. After that only what the postmaster itself says counts, and a PANIC,
// which no function can raise and which ends the server. Lines of the server begin with the
// prefix of this start, whose token nobody can know before it; PostgreSQL indents what
// follows a line break in a message by a tab (elog.c, append_with_tabs).
type logReader struct {
	Log
	prefix     *regexp.Regexp
	postmaster string // its process id, from the line it begins with
	open       bool   // sessions of the data may be at work
	opened     bool   // they may have been
	inMessage  bool   // in a message of pgBackRest, whose indented lines say why
}

// prefixPattern matches what begins a line of the server: moment, process, level, text.
func prefixPattern(token string) *regexp.Regexp {
	const moment, process = `(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC`, `\[(\d+)\] `
	if token == "" {
		return regexp.MustCompile(`^` + moment + ` ` + process + `([A-Z]+):\s+(.*)$`)
	}
	// A program that printed half a line hides nothing: the token says where the server's begins.
	return regexp.MustCompile(moment + ` ` + process + regexp.QuoteMeta(token) + ` ([A-Z]+):\s+(.*)$`)
}

// ParseLog reads a log in the C locale whose lines begin with logPrefix and the token of the
// start; "" is a log that was written without one. Places are the directories of the machine that the server has to
// itself.
func ParseLog(content, token string, places ...string) Log {
	r := logReader{Log: Log{places: places}, prefix: prefixPattern(token)}
	lines := strings.Split(strings.TrimRight(content, "\n"), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "\t") {
			continue // a message goes on
		}
		if match := r.prefix.FindStringSubmatch(line); match != nil {
			r.takeLine(match[1], match[2], match[3], match[4])
		} else {
			r.takeRaw(line)
		}
	}
	r.tail = lines[max(0, len(lines)-8):]
	return r.Log
}

// takeRaw takes a line without the prefix: what archive-get prints, and what the programs of
// PostgreSQL print before they have a log.
func (r *logReader) takeRaw(line string) {
	if r.opened {
		return
	}
	if archiveErr.MatchString(line) {
		r.Archive = append(r.Archive, strings.TrimSpace(line))
		r.inMessage = true
	} else if r.inMessage = r.inMessage && strings.HasPrefix(line, "    "); r.inMessage {
		last := len(r.Archive) - 1
		r.Archive[last] = cutLine(r.Archive[last] + " " + strings.TrimSpace(line))
		return
	}
	r.words = append(r.words, line)
	if match := earlyFatal.FindStringSubmatch(line); match != nil {
		r.Fatal = append(r.Fatal, match[1])
		r.takeDisk(match[1])
	}
}

// earlyFatal is a complaint from before PostgreSQL knows log_line_prefix.
var earlyFatal = regexp.MustCompile(`^\S+ \S+ \S+ \[\d+\] FATAL:  (.*)$`)

// takeLine takes a line of the server.
func (r *logReader) takeLine(moment, pid, level, text string) {
	r.inMessage = false
	at, err := time.Parse("2006-01-02 15:04:05.000", moment)
	if err != nil || r.open && pid != r.postmaster && level != "PANIC" {
		return
	}
	switch level {
	case "FATAL", "PANIC":
		if strings.Contains(text, "the database system is") { // a client came too early
			return
		}
		r.Fatal = append(r.Fatal, text)
	case "LOG":
		r.takePhase(pid, text)
	case "CONTEXT":
		if match := createdAt.FindStringSubmatch(text); match != nil && !r.opened {
			r.Outside = match[1]
		}
		return
	case "WARNING", "ERROR":
	case "DETAIL": // of a transaction's status, the file is named there
		if !r.opened {
			r.takeDisk(text)
		}
		return
	default: // what a statement says is not the server's word
		return
	}
	r.words = append(r.words, text)
	if r.Full == "" && strings.Contains(text, "No space left on device") { // ENOSPC in lc_messages=C
		r.Full = text
	}
	r.takeDisk(text)
	if match := endedBy.FindStringSubmatch(text); match != nil && level == "LOG" {
		if ownFault[match[1]] {
			r.Crashed = text
		} else {
			r.Killed = text
		}
	}
	if !r.opened {
		r.takeRecovery(at, text)
	}
}

// ownFault are the signals (signal(7)) that a process brings upon itself: by what it reads, or by a PANIC, which
// aborts. Whatever else ends one came from outside.
var ownFault = map[string]bool{"4": true, "5": true, "6": true, "7": true, "8": true, "11": true}

// takePhase notices when the server begins, takes connections, and has lost all its sessions.
func (r *logReader) takePhase(pid, text string) {
	switch {
	case strings.HasPrefix(text, "starting PostgreSQL ") && !r.opened:
		r.Log, r.postmaster = Log{places: r.places}, pid // what came before was another attempt
	case pid != r.postmaster:
	case text == "database system is ready to accept connections":
		r.open, r.opened = true, true
	case text == "all server processes terminated; reinitializing":
		r.open = false
	}
}

// takeRecovery takes what is said about the recovery.
func (l *Log) takeRecovery(at time.Time, text string) {
	if damage.MatchString(withoutNames(text)) {
		l.Damage = append(l.Damage, text)
	}
	switch {
	case strings.HasPrefix(text, "redo starts at"):
		l.RedoStart = at
	case strings.HasPrefix(text, "redo done at"):
		l.RedoDone = at
		l.RedoEnd, _, _ = strings.Cut(strings.TrimPrefix(text, "redo done at "), " ")
	case strings.HasPrefix(text, "recovery stopping"):
		l.Stopping = text
	case restored.MatchString(text):
		l.Restored = append(l.Restored, restored.FindStringSubmatch(text)[1])
	case newTLI.MatchString(text):
		l.Timeline = parseTimeline(newTLI.FindStringSubmatch(text)[1])
	case lastCommit.MatchString(text):
		l.LastCommit = parseCommit(lastCommit.FindStringSubmatch(text)[1])
	}
}

// names is from the first to the last quotation mark: names, of a tablespace's place for
// instance, which may hold any word.
var names = regexp.MustCompile(`".*"`)

// withoutNames is a text without the names in it.
func withoutNames(text string) string { return names.ReplaceAllString(text, `""`) }
