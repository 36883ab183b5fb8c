package pgbackrest

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"time"

	"veza.fr/recovery/internal/reason"
)

// Dialer opens connections from where pgBackRest will run.
type Dialer interface {
	Dial(ctx context.Context, network, address string) (net.Conn, error)
}

// probeTimeout bounds each probe. pgBackRest itself would retry a dead store for
// minutes (facts A5), so the path is tried first.
const probeTimeout = 5 * time.Second

// Probe asks, in seconds, whether a repository's address answers: the TCP
// connection, the TLS handshake and, for a store that speaks HTTP, any answer to a
// request. Failures are repo_unreachable.
//
// trouble is what looks wrong with the certificate. It is no verdict: Go and
// OpenSSL disagree about some certificates, so it is pgBackRest that decides.
func Probe(ctx context.Context, from Dialer, address Address, roots *x509.CertPool) (trouble, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := from.Dial(ctx, "tcp", net.JoinHostPort(address.Host, address.Port))
	if err != nil {
		return nil, reason.Errorf(reason.RepoUnreachable, "the object store does not answer at %s: %w", address, err)
	}
	defer func() { _ = conn.Close() }() // nothing was written that could be lost
	if deadline, ok := ctx.Deadline(); ok {
		if err = conn.SetDeadline(deadline); err != nil {
			return nil, reason.Wrap(reason.RepoUnreachable, err)
		}
	}
	if address.Plain {
		return nil, plainAnswers(ctx, from, conn, address)
	}
	if address.TLSName == "" {
		return nil, nil
	}
	//nolint:gosec // judged below, and by pgBackRest
	secure := tls.Client(conn, &tls.Config{ServerName: address.TLSName, InsecureSkipVerify: true})
	if err = secure.HandshakeContext(ctx); err != nil {
		return nil, reason.Errorf(reason.RepoUnreachable, "%s takes connections but speaks no TLS: %w", address, err)
	}
	trouble = CheckCertificate(secure.ConnectionState(), address.TLSName, roots)
	_, err = answers(secure, address)
	return trouble, err
}

// plainAnswers is answers for a store that should speak no TLS. One that does calls such a request
// bad, and pgBackRest would take that for a damaged repository.
func plainAnswers(ctx context.Context, from Dialer, conn net.Conn, address Address) error {
	status, err := answers(conn, address)
	if err != nil || status != http.StatusBadRequest {
		return err
	}
	again, err := from.Dial(ctx, "tcp", net.JoinHostPort(address.Host, address.Port))
	if err != nil {
		return reason.Errorf(reason.RepoUnreachable, "the object store does not answer at %s: %w", address, err)
	}
	defer func() { _ = again.Close() }() // nothing was written that could be lost
	//nolint:gosec // nothing is sent
	secure := tls.Client(again, &tls.Config{ServerName: address.Host, InsecureSkipVerify: true})
	if secure.HandshakeContext(ctx) == nil {
		return reason.Errorf(reason.ConfigInvalid, "the conf asks for HTTP without TLS, and the object store at %s "+
			"speaks TLS: write https://", address)
	}
	return nil
}

// answers sends a request that need not be granted: any status line will do.
func answers(conn net.Conn, address Address) (status int, err error) {
	const request = "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
	if _, err = fmt.Fprintf(conn, request, address.Host); err != nil {
		return 0, reason.Errorf(reason.RepoUnreachable, "%s takes connections but no request: %w", address, err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, reason.Errorf(reason.RepoUnreachable, "%s takes connections but does not answer within %s: %w",
			address, probeTimeout, err)
	}
	return response.StatusCode, response.Body.Close()
}
