package alerts

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/suite"
)

const dashboardFile = fixtures + "grafana/veza_backup.json"

// dashboard is as much of Grafana's model as is asked here.
type dashboard struct {
	UID           string `json:"uid"`
	SchemaVersion int    `json:"schemaVersion"`
	Templating    struct {
		List []struct {
			Name, Type, AllValue string
			Query                json.RawMessage
			Datasource           *datasource
		} `json:"list"`
	} `json:"templating"`
	Panels []panel `json:"panels"`
}

type panel struct {
	ID         int         `json:"id"`
	Type       string      `json:"type"`
	Title      string      `json:"title"`
	Datasource *datasource `json:"datasource"`
	GridPos    struct{ X, Y, W, H int }
	Targets    []struct {
		Datasource *datasource `json:"datasource"`
		Expr       string      `json:"expr"`
		Legend     string      `json:"legendFormat"`
	} `json:"targets"`
	FieldConfig struct {
		Defaults struct {
			Unit       string `json:"unit"`
			Thresholds struct {
				Steps []struct {
					Value *float64 `json:"value"`
				} `json:"steps"`
			} `json:"thresholds"`
		} `json:"defaults"`
		Overrides []struct {
			Properties []struct {
				ID    string          `json:"id"`
				Value json.RawMessage `json:"value"`
			} `json:"properties"`
		} `json:"overrides"`
	} `json:"fieldConfig"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	require.NoError(t, err)
	var d dashboard
	require.NoError(t, json.Unmarshal(text, &d))
	return d
}

// query is a panel's expression and the labels that its legend names.
type query struct {
	panel, expr string
	labels      []string
}

// queries are those of all panels, the variable filled in. Grafana's .* for All would also
// match a label that nobody has.
func (d dashboard) queries(stanza string) (list []query) {
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			q := query{
				panel: p.Title, expr: strings.NewReplacer("$stanza", stanza, "${stanza}", stanza).Replace(target.Expr),
			}
			for _, label := range regexp.MustCompile(`{{(\w+)}}`).FindAllStringSubmatch(target.Legend, -1) {
				q.labels = append(q.labels, label[1])
			}
			list = append(list, q)
		}
	}
	return list
}

// stanzas is the selector that the variable of that name takes its values from.
func (d dashboard) stanzas(t *testing.T) string {
	t.Helper()
	for _, v := range d.Templating.List {
		m := regexp.MustCompile(`label_values\((.*), stanza\)`).FindStringSubmatch(string(v.Query))
		if v.Name == "stanza" && m != nil {
			return strings.ReplaceAll(m[1], `\"`, `"`)
		}
	}
	t.Fatal("the dashboard has no variable stanza")
	return ""
}

func TestDashboard_CanBeImportedAnywhere(t *testing.T) {
	d := readDashboard(t)
	assert.NotEmpty(t, d.UID)
	assert.GreaterOrEqual(t, d.SchemaVersion, 38, "Grafana 10")
	require.Len(t, d.Templating.List, 2)
	assert.Equal(t, "datasource", d.Templating.List[0].Type)

	chosen := &datasource{Type: "prometheus", UID: "${datasource}"}
	assert.Equal(t, chosen, d.Templating.List[1].Datasource)
	ids := map[int]bool{}
	for _, p := range d.Panels {
		assert.False(t, ids[p.ID], "two panels are %d", p.ID)
		ids[p.ID] = true
		if p.Type == "row" {
			continue
		}
		assert.Equal(t, chosen, p.Datasource, p.Title)
		assert.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			assert.Equal(t, chosen, target.Datasource, p.Title)
		}
	}
}

func TestDashboard_HasNoPanelOverAnother(t *testing.T) {
	panels := readDashboard(t).Panels
	for i, a := range panels {
		assert.LessOrEqual(t, a.GridPos.X+a.GridPos.W, 24, a.Title)
		for _, b := range panels[:i] {
			apart := a.GridPos.X >= b.GridPos.X+b.GridPos.W || b.GridPos.X >= a.GridPos.X+a.GridPos.W ||
				a.GridPos.Y >= b.GridPos.Y+b.GridPos.H || b.GridPos.Y >= a.GridPos.Y+a.GridPos.H
			assert.True(t, apart, "%d %s and %d %s", a.ID, a.Title, b.ID, b.Title)
		}
	}
}

// Last attempts alone have no panel: the age of the last verdict and the error beside it say it.
func TestDashboard_ShowsEveryMetricOfBothSuites(t *testing.T) {
	var all []string
	for _, q := range readDashboard(t).queries("demo") {
		all = append(all, q.expr)
		for _, r := range allRules(t) {
			if r.Record != "" && strings.Contains(q.expr, r.Record) { // what it is made of
				all = append(all, r.Expr)
			}
		}
	}
	shown := regexp.MustCompile(`veza_backup_(?:drill|check)_\w+`).FindAllString(strings.Join(all, "\n"), -1)
	for _, name := range written() {
		if strings.HasPrefix(name, suite.Control.Namespace) { // it is alerted on, and has no history worth a picture
			continue
		}
		if !strings.HasSuffix(name, "last_attempt_timestamp_seconds") {
			assert.Contains(t, shown, name)
		}
	}
	for _, name := range shown {
		assert.Contains(t, append(written(), expectedSeries...), name)
	}
}

// A limit on the dashboard is the alert's own; where both know one metric, neither moves alone.
func TestDashboard_HasTheLimitsOfTheAlerts(t *testing.T) {
	limit := regexp.MustCompile(`(?:^|time\(\) - )(veza_backup_\w+) > (\d{2,})`)
	checked := 0
	for _, a := range alerts(t) {
		m := limit.FindStringSubmatch(a.Expr)
		if m == nil || strings.HasPrefix(m[1], suite.Control.Namespace) { // which is on no panel
			continue
		}
		checked++
		found := false
		for _, p := range readDashboard(t).Panels {
			if len(p.Targets) == 0 || !strings.Contains(p.Targets[0].Expr, m[1]+"{") {
				continue
			}
			for _, step := range p.FieldConfig.Defaults.Thresholds.Steps {
				found = found || step.Value != nil && json.Number(m[2]) == number(t, *step.Value)
			}
		}
		assert.True(t, found, "%s: no panel of %s turns at %s", a.Alert, m[1], m[2])
	}
	assert.Equal(t, 2, checked, "the others have budgets of the run's own")
}

// A share of a budget turns where the budget is spent, and nothing else holds it.
func TestDashboard_TurnsWhereABudgetIsSpent(t *testing.T) {
	shares := 0
	for _, p := range readDashboard(t).Panels {
		for _, o := range p.FieldConfig.Overrides {
			for _, property := range o.Properties {
				assert.NotRegexp(t, `"value":\s*\d{2,}`, string(property.Value), "%s: a budget in a number", p.Title)
			}
		}
		for _, target := range p.Targets {
			if !strings.Contains(target.Expr, "_budget_seconds") {
				continue
			}
			steps := p.FieldConfig.Defaults.Thresholds.Steps
			if !strings.Contains(target.Expr, " / ") {
				assert.Len(t, steps, 1, "%s: a line for the budget, and no number", p.Title)
				continue
			}
			shares++
			assert.InDelta(t, 1, *steps[len(steps)-1].Value, 0, p.Title)
		}
	}
	assert.Equal(t, 6, shares)
}

// The stanza of the alarm that is tried is none that is drilled.
func TestDashboard_ShowsNothingOfTheAlarmThatIsTried(t *testing.T) {
	d := readDashboard(t)
	assert.Contains(t, d.stanzas(t), "last_attempt", "which that stanza has not")
	for _, v := range d.Templating.List {
		assert.Empty(t, v.AllValue, "all are those that are listed")
	}
	for _, q := range d.queries("demo") {
		if strings.Contains(q.expr, "ALERTS") {
			assert.Contains(t, q.expr, `stanza!="alarm-test"`, q.panel)
		}
	}
}

// Two panels show what an alert asks, and turn where it fires.
func TestDashboard_AsksOfComparisonsWhatTheAlertsAsk(t *testing.T) {
	turns := map[string]float64{"BackupDataDiffers": 1, "BackupDataNotCompared": 3024000}
	for _, a := range alerts(t) {
		at, asked := turns[a.Alert]
		if !asked {
			continue
		}
		delete(turns, a.Alert)
		expr, _, _ := strings.Cut(a.Expr, " > ")
		i := slices.IndexFunc(readDashboard(t).Panels, func(p panel) bool {
			return len(p.Targets) > 0 && strings.ReplaceAll(p.Targets[0].Expr, `{stanza=~"$stanza"}`, "") == expr
		})
		require.GreaterOrEqual(t, i, 0, "%s: no panel asks %s", a.Alert, expr)
		steps := readDashboard(t).Panels[i].FieldConfig.Defaults.Thresholds.Steps
		require.Len(t, steps, 2, a.Alert)
		assert.InDelta(t, at, *steps[1].Value, 0, a.Alert)
	}
	assert.Empty(t, turns, "no such alerts")
}

func number(t *testing.T, value float64) json.Number {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return json.Number(text)
}

func TestDashboard_HasUnits(t *testing.T) {
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			for suffix, unit := range map[string]string{"_seconds": "s", "_bytes": "bytes"} {
				if strings.Contains(target.Expr, " / ") {
					unit = "percentunit"
				}
				if regexp.MustCompile(`veza_backup_\w+` + suffix + `\b`).MatchString(target.Expr) {
					assert.Equal(t, unit, p.FieldConfig.Defaults.Unit, p.Title)
				}
			}
		}
	}
	assert.True(t, slices.ContainsFunc(readDashboard(t).Panels,
		func(p panel) bool { return p.FieldConfig.Defaults.Unit == "bytes" }))
}
