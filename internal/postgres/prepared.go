package postgres

import (
	"slices"
	"strconv"
	"strings"
)

const preparedSetting = "max_prepared_transactions"

// minPrepared is room for transactions prepared after the setting was raised, which the
// control file of an older backup does not know of: without it their replay is FATAL,
// hot_standby or not.
const minPrepared = 256

// prepared is max_prepared_transactions, given that of the control file. At the end of recovery PostgreSQL writes its
// own into the WAL (XLogReportParameters), and a standby with less pauses there for good. A kept cluster takes that WAL
// into production: there it is what production has, until the replay needs more. See Prepared.
func (s *Server) prepared(control string) string {
	n, err := strconv.Atoi(control)
	switch {
	case err != nil:
		return control
	case !s.Kept:
		return strconv.Itoa(max(n, minPrepared))
	}
	if at, set := s.Restored.Value(preparedSetting); set {
		if restored, wrong := strconv.Atoi(at.Value); wrong == nil {
			n = max(n, restored)
		}
	}
	return strconv.Itoa(max(n, s.Prepared))
}

// ownPrepared says whether a value of max_prepared_transactions in the WAL is the run's own.
func (s *Server) ownPrepared(value int) bool {
	return value == minPrepared && (!s.Kept || s.Prepared == minPrepared)
}

// LacksPrepared says that the replay ended for want of room for prepared transactions.
func (l Log) LacksPrepared() bool {
	return slices.ContainsFunc(l.Fatal, func(line string) bool {
		return strings.HasPrefix(line, "maximum number of prepared transactions reached")
	})
}

// MorePrepared makes room for prepared transactions in a kept cluster whose replay ended for want of it, and says how
// many; 0 is that it had that much. Replay has put into pg_control what production was raised to, control; where that
// says no more, it is as many as a drill has.
func (s *Server) MorePrepared(control Control) int {
	had, _ := strconv.Atoi(s.prepared(s.control[inherited[preparedSetting]]))
	now, _ := strconv.Atoi(control[inherited[preparedSetting]])
	switch {
	case now > had:
		s.Prepared = now
	case had < minPrepared:
		s.Prepared = minPrepared
	default:
		return 0
	}
	return s.Prepared
}

// tooFewPrepared is what to do before a kept cluster is started whose replay asked for more prepared transactions than
// its files say: with those that are open it does not start, and a standby stops where recovery ended.
func (s *Server) tooFewPrepared() []string {
	if s.Prepared == 0 {
		return nil
	}
	return []string{preparedSetting + " = " + strconv.Itoa(s.Prepared) + " was needed to replay the WAL: set it here " +
		"and on every standby, or the cluster may not start, and a standby with hot_standby on stops where recovery " +
		"has ended"}
}
