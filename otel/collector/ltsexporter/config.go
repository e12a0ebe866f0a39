package ltsexporter

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

// Config says to which stream of LTS records go, and how.
type Config struct {
	// Endpoint and the rest of an HTTP client; the endpoint of a region is https://lts-access.<region>.myhuaweicloud.com:8102.
	ClientConfig confighttp.ClientConfig `mapstructure:",squash"`
	// ProjectID is the id of the project that the log group belongs to.
	ProjectID string `mapstructure:"project_id"`
	// LogGroupID and LogStreamID are ids, not names.
	LogGroupID  string `mapstructure:"log_group_id"`
	LogStreamID string `mapstructure:"log_stream_id"`
	// Labels stand on all records of a request; LTS wants at least one.
	Labels map[string]string `mapstructure:"labels"`
	// Token is an IAM token that somebody else renews, IAM a user for whom tokens are fetched here; one of the two.
	Token configopaque.String `mapstructure:"token"`
	IAM   IAMConfig           `mapstructure:"iam"`
	// MaxBodyBytes and MaxRecords bound one request before compression.
	MaxBodyBytes int `mapstructure:"max_body_bytes"`
	MaxRecords   int `mapstructure:"max_records"`
	// MaxAge is how far from now the time of a record may be; LTS drops others without a word.
	MaxAge time.Duration `mapstructure:"max_age"`

	QueueConfig configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`
	RetryConfig configretry.BackOffConfig                                `mapstructure:"retry_on_failure"`

	_ struct{}
}

// IAMConfig names an IAM user that may write to LTS, and where tokens come from.
type IAMConfig struct {
	// Endpoint is https://iam.<region>.myhuaweicloud.com.
	Endpoint string `mapstructure:"endpoint"`
	// Domain is the name of the account, Project that of the region's project, such as cn-north-4.
	Domain   string              `mapstructure:"domain"`
	Project  string              `mapstructure:"project"`
	User     string              `mapstructure:"user"`
	Password configopaque.String `mapstructure:"password"`
	// RefreshBefore is how long before its end a token is replaced.
	RefreshBefore time.Duration `mapstructure:"refresh_before"`
}

const (
	smallestBody   = 4 << 10
	defaultBody    = 512 << 10 // what Huawei's own SDK sends at once
	defaultRecords = 4096
	defaultAge     = 48 * time.Hour
	defaultTimeout = 10 * time.Second
	defaultRefresh = time.Hour
)

// Validate says what is missing or cannot be.
func (c *Config) Validate() error {
	var found []error
	for name, value := range map[string]string{
		"endpoint": c.ClientConfig.Endpoint, "project_id": c.ProjectID,
		"log_group_id": c.LogGroupID, "log_stream_id": c.LogStreamID,
	} {
		if value == "" {
			found = append(found, fmt.Errorf("%s is missing", name))
		}
	}
	if len(c.Labels) == 0 {
		found = append(found, errors.New("labels: LTS wants at least one, such as service: letta"))
	}
	if (c.Token == "") == (c.IAM.Endpoint == "") {
		found = append(found, errors.New("give either token or iam.endpoint"))
	}
	if c.IAM.Endpoint != "" && (c.IAM.Domain == "" || c.IAM.Project == "" || c.IAM.User == "" || c.IAM.Password == "") {
		found = append(found, errors.New("iam: domain, project, user and password are all needed"))
	}
	for _, address := range []string{c.ClientConfig.Endpoint, c.IAM.Endpoint} {
		if parsed, err := url.Parse(address); address != "" && (err != nil || parsed.Host == "") {
			found = append(found, fmt.Errorf("%q is no address with a scheme and a host", address))
		}
	}
	if c.MaxBodyBytes < smallestBody || c.MaxRecords < 1 || c.MaxAge <= 0 {
		found = append(found, fmt.Errorf("max_body_bytes is at least %d, max_records at least 1, max_age above 0", smallestBody))
	}
	return errors.Join(found...)
}
