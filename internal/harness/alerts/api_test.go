package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const answerTime = 2 * time.Minute

// api is a Prometheus' HTTP API.
type api string

// sample is one series of an instant vector.
type sample struct {
	Metric map[string]string  `json:"metric"`
	Value  [2]json.RawMessage `json:"value"`
}

// number is the sample's value.
func (s sample) number(t *testing.T) float64 {
	t.Helper()
	var text string
	require.NoError(t, json.Unmarshal(s.Value[1], &text))
	value, err := strconv.ParseFloat(text, 64)
	require.NoError(t, err)
	return value
}

// rule is an alerting rule as Prometheus evaluated it.
type rule struct {
	Name      string  `json:"name"`
	Health    string  `json:"health"`
	LastError string  `json:"lastError"`
	State     string  `json:"state"`
	Duration  float64 `json:"duration"`
	Alerts    []struct {
		State       string            `json:"state"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"alerts"`
}

// query asks for the instant vector of an expression.
func (a api) query(ctx context.Context, expr string) ([]sample, error) {
	var data struct {
		Type   string   `json:"resultType"`
		Result []sample `json:"result"`
	}
	err := a.get(ctx, "query", url.Values{"query": {expr}}, &data)
	if err == nil && data.Type != "vector" {
		err = fmt.Errorf("%s is a %s", expr, data.Type)
	}
	return data.Result, err
}

// rules are the alerts of one group.
func (a api) rules(ctx context.Context, group string) (rules []rule, err error) {
	var data struct {
		Groups []struct {
			Name  string `json:"name"`
			Rules []rule `json:"rules"`
		} `json:"groups"`
	}
	err = a.get(ctx, "rules", url.Values{"type": {"alert"}}, &data)
	for _, g := range data.Groups {
		if g.Name == group {
			rules = append(rules, g.Rules...)
		}
	}
	return rules, err
}

// labels are the values of a label among the series that match.
func (a api) labels(ctx context.Context, name, selector string) (values []string, err error) {
	err = a.get(ctx, "label/"+name+"/values", url.Values{"match[]": {selector}}, &values)
	return values, err
}

// get reads the data of an answer.
func (a api) get(ctx context.Context, path string, values url.Values, data any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		"http://"+string(a)+"/api/v1/"+path+"?"+values.Encode(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer := struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   any    `json:"data"`
	}{Data: data}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s: %s: %w", request.URL, response.Status, err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", request.URL, answer.Error)
	}
	return nil
}
