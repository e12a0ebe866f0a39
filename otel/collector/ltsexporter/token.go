package ltsexporter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// tokens gives the value of X-Auth-Token.
type tokens interface {
	// token returns a token that holds, as far as is known.
	token(ctx context.Context) (string, error)
	// refuse says that a token was refused, and whether another one can be had.
	refuse(token string) bool
}

// fixedToken was given by the configuration.
type fixedToken string

func (f fixedToken) token(context.Context) (string, error) { return string(f), nil }
func (f fixedToken) refuse(string) bool                    { return false }

// iamTokens fetches tokens for a user and replaces them before they end.
// Source of the contract: Huawei Cloud, IAM API reference, "Obtaining a User Token Through Password Authentication".
type iamTokens struct {
	config IAMConfig
	client *http.Client
	now    func() time.Time

	lock    sync.Mutex
	current string
	ends    time.Time
}

const (
	tokenPath    = "/v3/auth/tokens?nocatalog=true"
	tokenHeader  = "X-Subject-Token"
	mostOfAnswer = 64 << 10
)

func (t *iamTokens) token(ctx context.Context) (string, error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.current != "" && t.now().Before(t.ends.Add(-t.config.RefreshBefore)) {
		return t.current, nil
	}
	fetched, ends, err := t.fetch(ctx)
	switch {
	case err == nil:
		t.current, t.ends = fetched, ends
	case t.current == "" || !t.now().Before(t.ends):
		return "", err
	} // else the old one holds a while longer
	return t.current, nil
}

func (t *iamTokens) refuse(token string) bool {
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.current == token {
		t.current = ""
	}
	return true
}

func (t *iamTokens) fetch(ctx context.Context) (string, time.Time, error) {
	wanted := map[string]any{"auth": map[string]any{
		"identity": map[string]any{
			"methods": []string{"password"},
			"password": map[string]any{"user": map[string]any{
				"name":     t.config.User,
				"password": string(t.config.Password),
				"domain":   map[string]any{"name": t.config.Domain},
			}},
		},
		"scope": map[string]any{"project": map[string]any{"name": t.config.Project}},
	}}
	body, err := json.Marshal(wanted)
	if err != nil {
		return "", time.Time{}, err
	}
	address := strings.TrimRight(t.config.Endpoint, "/") + tokenPath
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return "", time.Time{}, err
	}
	request.Header.Set("Content-Type", "application/json;charset=UTF-8")
	answer, err := t.client.Do(request)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("no token from IAM: %w", err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, mostOfAnswer))
	if err != nil {
		return "", time.Time{}, fmt.Errorf("no token from IAM: %w", err)
	}
	if answer.StatusCode != http.StatusCreated {
		return "", time.Time{}, fmt.Errorf("no token from IAM: it answered %d", answer.StatusCode)
	}
	var about struct {
		Token struct {
			Ends time.Time `json:"expires_at"`
		} `json:"token"`
	}
	if err := json.Unmarshal(said, &about); err != nil || about.Token.Ends.IsZero() {
		return "", time.Time{}, errors.New("no token from IAM: its answer does not say until when the token holds")
	}
	token := answer.Header.Get(tokenHeader)
	if token == "" {
		return "", time.Time{}, fmt.Errorf("no token from IAM: its answer has no %s", tokenHeader)
	}
	return token, about.Token.Ends, nil
}
