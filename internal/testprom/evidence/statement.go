package evidence

import (
	"encoding/json"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// Types of statements and predicates.
const (
	StatementType  = "https://in-toto.io/Statement/v1"
	RunType        = "https://veza.fr/attestations/restore-drill/v1"
	AckType        = "https://veza.fr/attestations/restore-drill-acknowledgement/v1"
	TestResultType = "https://in-toto.io/attestation/test-result/v0.1"
	PayloadType    = "application/vnd.in-toto+json"
)

// Subject is a file that a statement is about, known by its digest.
type Subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"` // algorithm, such as sha256: hex digits
}

// Of is the subject of a name and the hex digits of its SHA-256.
func Of(name, sha256 string) Subject {
	return Subject{Name: name, Digest: map[string]string{"sha256": sha256}}
}

// Statement is an in-toto Statement v1.
type Statement struct {
	Type          string          `json:"_type"`
	Subject       []Subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

// Place is where in the chain an entry stands; every predicate has it in the field entry.
type Place struct {
	Seq      int       `json:"seq"` // from 1 on
	Time     time.Time `json:"time"`
	Previous string    `json:"previous_sha256"` // of the line before, without its end; of the first entry 64 zeros
}

// Run is the predicate of a run: what was asked, by whom, and what came of it.
type Run struct {
	Entry        Place         `json:"entry"`
	Schema       int           `json:"schema"`
	Suite        string        `json:"suite"`
	Stanza       string        `json:"stanza"`
	Started      time.Time     `json:"started"`
	Ended        time.Time     `json:"ended"`
	Verdict      string        `json:"verdict"` // pass, fail or environment, as the exit status 0, 1 or 2
	Exit         int           `json:"exit_status"`
	Backups      string        `json:"backups"` // restored, sound, at_fault, unknown, or a word of the control
	Reason       string        `json:"reason"`
	Sentence     string        `json:"sentence"`
	Step         string        `json:"step,omitempty"`
	Detail       string        `json:"detail,omitempty"`
	Trigger      Trigger       `json:"trigger"`
	Objectives   Objectives    `json:"objectives"`
	Scope        Scope         `json:"scope"`
	Environment  string        `json:"environment,omitempty"` // process, docker or incus
	Versions     Versions      `json:"versions"`
	Steps        []Step        `json:"steps"`
	Measurements []Measurement `json:"measurements"`
	Checks       Checks        `json:"checks"`
	Notes        []string      `json:"notes,omitempty"`
	Doubts       []string      `json:"doubts,omitempty"`
	// TestResult is a statement of its own, for who knows that type of predicate; nil where there was no verdict.
	TestResult *Statement `json:"test_result,omitempty"`
}

// Passed says whether a run proved all that it was asked.
func (r Run) Passed() bool { return r.Verdict == "pass" && r.Exit == reason.ExitPass }

// RunSchema is the version of Run: fields are added freely, and the number changes when one changes its meaning or
// goes.
const RunSchema = 1

// AckSchema is the version of Ack.
const AckSchema = 1

// Trigger is who or what began a run.
type Trigger struct {
	Kind string `json:"kind"`           // systemd, ci, terminal, recording or other
	Name string `json:"name,omitempty"` // the unit, or where the pipeline's run is shown
	User string `json:"user,omitempty"`
	Host string `json:"host,omitempty"`
}

// Objectives are the budgets of the run, in seconds; nil where they are not known.
type Objectives struct {
	RTO *float64 `json:"rto_seconds,omitempty"`
	RPO *float64 `json:"rpo_seconds,omitempty"`
}

// Scope is what was restored, and up to where.
type Scope struct {
	Set        string `json:"backup_label,omitempty"`
	SetType    string `json:"backup_type,omitempty"`
	Newest     string `json:"newest_set,omitempty"` // that could have been restored
	Repository string `json:"repository,omitempty"` // its key
	Target     string `json:"target,omitempty"`
	AsOf       string `json:"repository_as_of,omitempty"` // "" is the repository of now
	Left       string `json:"cluster_left,omitempty"`     // what of, before a stanza-upgrade; "" is the present cluster
	Compare    string `json:"compare,omitempty"`
	// WindowFrom is when the oldest usable set ended, Stopped when the restored one did, Recovered the newest moment
	// that came back; nil is not known.
	WindowFrom *time.Time `json:"window_from,omitempty"`
	Stopped    *time.Time `json:"backup_stopped,omitempty"`
	Recovered  *time.Time `json:"recovered_to,omitempty"`
}

// OlderSet says whether the set was not the newest. An entry of a release before does not say.
func (s Scope) OlderSet() bool { return s.Newest != "" && s.Set != s.Newest }

// Mends says whether a pass says that what another run was red for is mended: -target stops before the end, and a set
// that is not the newest says nothing of one that is newer than itself.
func (s Scope) Mends(red Scope) bool {
	return s.Target == "" && (!s.OlderSet() || suite.Reaches(s.Stopped, red.Stopped))
}

// Versions of the programs that took part.
type Versions struct {
	Testprom   string `json:"testprom"`
	PostgreSQL string `json:"postgresql,omitempty"`
	PgBackRest string `json:"pgbackrest,omitempty"`
}

// Step is one part of a run.
type Step struct {
	Name    string   `json:"name"`
	Outcome string   `json:"outcome"`
	Seconds *float64 `json:"seconds,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	Detail  string   `json:"detail,omitempty"`
}

// Measurement is a number that was measured, in seconds, bytes or pieces.
type Measurement struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
	Value  float64           `json:"value"`
}

// Checks are the names of what is looked at beyond the operator's queries, by outcome: the deeper checks, compare, and
// readonly (the drill's key cannot write). A run that did not get there has none in any list.
type Checks struct {
	Passed   []string `json:"passed"`
	Failed   []string `json:"failed"`
	LeftOut  []string `json:"left_out"`
	NotAsked []string `json:"not_asked"`
}

// Ack is the predicate of an acknowledgement: somebody says that a run is known, and why it came to that. Its
// subject is the envelope of the run.
type Ack struct {
	Entry  Place  `json:"entry"`
	Schema int    `json:"schema"`
	Run    int    `json:"run"` // its seq
	By     string `json:"by"`
	Why    string `json:"why"`
}
