package alarm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	answerTime = 10 * time.Second
	maxAnswer  = 16 << 20 // bytes
)

// Server is one that is asked over HTTP, by its URL.
type Server struct {
	flag string
	base string
}

// NewServer reads the value of a flag; an empty one is no server. What stands in a command line, everybody on the
// machine can read: a password is refused, and not said again.
func NewServer(flag, text string) (Server, error) {
	if text == "" {
		return Server{}, nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https",
		u.RawQuery != "" || u.Fragment != "":
		return Server{}, fmt.Errorf("%s must be a URL such as http://127.0.0.1:9093", flag)
	case u.User != nil:
		return Server{}, fmt.Errorf("%s has a user in it, and everybody on this machine can read a command line: let "+
			"a proxy on loopback add the password, and name the proxy", flag)
	}
	return Server{flag: flag, base: strings.TrimRight(u.String(), "/")}, nil
}

// Given says whether there is such a server.
func (s Server) Given() bool { return s.base != "" }

// get is the answer to a path below the URL.
func (s Server) get(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // it was read, or is given up
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", s.base+path, answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err == nil && len(text) > maxAnswer {
		err = fmt.Errorf("%s answers with more than %d bytes", s.base+path, maxAnswer)
	}
	return text, err
}

// alert is one that Alertmanager has, of its API v2.
type alert struct {
	Labels map[string]string `json:"labels"`
	Status struct {
		State       string   `json:"state"`
		SilencedBy  []string `json:"silencedBy"`
		InhibitedBy []string `json:"inhibitedBy"`
	} `json:"status"`
	Receivers []struct {
		Name string `json:"name"`
	} `json:"receivers"`
}

// alerts are those of the test which are not over.
func (s Server) alerts(ctx context.Context) ([]alert, error) {
	filter := url.Values{"filter": {fmt.Sprintf("alertname=%q", Alert), fmt.Sprintf("stanza=%q", Stanza)}}
	text, err := s.get(ctx, "/api/v2/alerts?"+filter.Encode())
	if err != nil {
		return nil, err
	}
	return parseAlerts(text)
}

// parseAlerts reads the answer; those of other stanzas are none of ours.
func parseAlerts(text []byte) (ours []alert, err error) {
	var all []alert
	if err = json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("what answers is no Alertmanager: %w", err)
	}
	for _, a := range all {
		if a.Labels["stanza"] == Stanza && a.Labels["alertname"] == Alert {
			ours = append(ours, a)
		}
	}
	return ours, nil
}

// has says whether an expression has data in Prometheus; nil when it has.
func (s Server) has(ctx context.Context, expr string) error {
	text, err := s.get(ctx, "/api/v1/query?"+url.Values{"query": {expr}}.Encode())
	if err != nil {
		return err
	}
	var answer struct {
		Status string `json:"status"`
		Data   struct {
			Result []json.RawMessage `json:"result"`
		} `json:"data"`
	}
	if err = json.Unmarshal(text, &answer); err != nil || answer.Status != "success" {
		return errors.New("what answers is no Prometheus")
	}
	if len(answer.Data.Result) == 0 {
		return fmt.Errorf("%s has no data", expr)
	}
	return nil
}
