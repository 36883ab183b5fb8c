package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
)

// Prometheus is the address of the lab's Prometheus.
func (l *Lab) Prometheus() string {
	return "http://" + net.JoinHostPort(at(DrillHost), strconv.Itoa(prometheusPort))
}

// errNoSeries is the answer to a query that nothing fits.
var errNoSeries = errors.New("no series")

// Query is the value of an expression with one result, as Prometheus' HTTP API answers it.
func (l *Lab) Query(ctx context.Context, expression string) (float64, error) {
	var result []struct {
		Value [2]json.RawMessage `json:"value"`
	}
	if err := l.Ask(ctx, "/api/v1/query?query="+url.QueryEscape(expression), "result", &result); err != nil {
		return 0, err
	}
	if len(result) == 0 {
		return 0, fmt.Errorf("%s: %w", expression, errNoSeries)
	}
	if len(result) > 1 {
		return 0, fmt.Errorf("%s: %d series", expression, len(result))
	}
	var text string
	if err := json.Unmarshal(result[0].Value[1], &text); err != nil {
		return 0, err
	}
	return strconv.ParseFloat(text, 64)
}

// Ask reads one part of the data that the API answers with.
func (l *Lab) Ask(ctx context.Context, path, part string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.Prometheus()+path, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // it was read, or is given up
	var said struct {
		Status string                     `json:"status"`
		Error  string                     `json:"error"`
		Data   map[string]json.RawMessage `json:"data"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if said.Status != "success" {
		return fmt.Errorf("%s: %s", path, said.Error)
	}
	return json.Unmarshal(said.Data[part], into)
}
