package testreport

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// says is one attribute of the drill's own test.
func says(key, value string) string {
	return fmt.Sprintf(`{"Action":"attr","Package":"p","Test":"TestDrill","Key":%q,"Value":%q}`+"\n", key, value)
}

func drillOf(t *testing.T, stream string) Report {
	t.Helper()
	c := New(suite.Drill)
	require.NoError(t, c.Read(strings.NewReader(stream)))
	return c.Report(nil)
}

// TestPass_WithAProblemIsNone, and the report says what it is.
func TestPass_WithAProblemIsNone(t *testing.T) {
	for want, after := range map[string]string{
		"label.stanza was published twice, as a and as b": says("label.stanza", "a") + says("label.stanza", "b"),
		`rows{check="a"} has two values, 2 and 1`: says(`metric.rows{check="a"}`, "1") +
			says(`metric.rows{check="a",}`, "2"),
		"was published twice, as 1 and as 2": says(`metric.rows{check="a"}`, "1") +
			says(`metric.rows{check="a"}`, "2"),
		"goes on after its labels":        says(`metric.rows{check="a"}x`, "1"),
		`the metric has no label "other"`: says(`metric.rows{check="a",other="b"}`, "1"),
		"TestDrill/verify ended more often than it began": `{"Action":"pass","Package":"p","Test":"TestDrill/verify"}` +
			"\n",
		"line 22 of the stream is a damaged event": "a\nb\n" + `x{"Action":"pass"` + "\n",
	} {
		stream := string(play("")) + after
		if strings.HasPrefix(want, "line ") {
			want = strings.Replace(want, "22", fmt.Sprint(strings.Count(stream, "\n")), 1)
		}
		r := drillOf(t, stream)
		assert.Contains(t, strings.Join(r.Problems, "; "), want)
		assert.Equal(t, reason.ReportUnreadable, r.Reason, want)
	}
}

func TestPass_OfHarmlessRepetitionsStays(t *testing.T) {
	for name, after := range map[string]string{
		"the same stanza again": says("label.stanza", "a") + says("label.stanza", "a"),
		"another backup set":    says("label.backup", "a") + says("label.backup", "b"),
		"the same series again": says(`metric.rows{check="a"}`, "1") + says(`metric.rows{check="a",}`, "1.0"),
	} {
		assert.Empty(t, drillOf(t, string(play(""))+after).Problems, name)
	}
}

func TestMeasurements_AreBoundedAndTheFirstTooManyIsAProblem(t *testing.T) {
	var s bytes.Buffer
	for i := range maxValues {
		s.WriteString(says(fmt.Sprintf(`metric.rows{check="%d"}`, i), "1"))
	}
	full := string(play("")) + s.String()
	assert.Empty(t, drillOf(t, full).Problems)
	assert.Contains(t, drillOf(t, full+says(`metric.rows{check="more"}`, "1")).Problems, "more than 1000 measurements")
}

func TestNotes_AreKeptInOrderAndBounded(t *testing.T) {
	r := drillOf(t, string(play(""))+says(suite.NoteKey, "first")+strings.Repeat(says(suite.NoteKey, "more"), maxNotes))
	require.Len(t, r.Notes, maxNotes)
	assert.Equal(t, []string{"first", "more"}, r.Notes[:2])
}

func TestStream_WithoutTheEndOfItsPackageIsNoPass(t *testing.T) {
	whole := string(play(""))
	cut := strings.TrimSuffix(whole, `{"Action":"pass","Package":"p"}`+"\n")
	assert.Equal(t, reason.ReportUnreadable, drillOf(t, cut).Reason)
	assert.Equal(t, reason.ReportUnreadable, drillOf(t, whole+`{"Action":"start","Package":"q"}`+"\n").Reason)
}

// TestDecode_FastWayAgreesAtTheEdges of what it takes upon itself.
func TestDecode_FastWayAgreesAtTheEdges(t *testing.T) {
	for _, value := range []string{
		`\u003c`, `\u007f`, `\u0080`, `\u00e9`, `\u003`, `\u`, `\uzzzz`, `\u+041`, `\u003cx`, "\x7f", " ", "\x1f",
		"\n\x01", "\\n\x1f", "\\n ", `\`,
	} {
		both(t, []byte(`{"Action":"output","Output":"`+value+`"}`))
		both(t, []byte(`{"Action":"output","Output":"`+value))
	}
	for _, number := range []string{"0", "9", "10", "0.5", "9.9", "00", "01", "0.", ".5", "1..2", "1/2", "1:2", ""} {
		both(t, []byte(`{"Action":"pass","Elapsed":`+number+`}`))
	}
}
