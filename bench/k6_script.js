// What does a k6 user write for requests at a constant rate? The same requests as the engine's, and as little else as
// it takes: everything that does not change is made once for each virtual user.
import { SharedArray } from 'k6/data';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter } from 'k6/metrics';

const plan = JSON.parse(open(__ENV.BENCH_PLAN));
const agents = new SharedArray('agents', () => JSON.parse(open(__ENV.BENCH_AGENTS)));
const bodies = new SharedArray('bodies', () => JSON.parse(open(__ENV.BENCH_BODIES)));
const badAnswers = new Counter('bad_answers');

// An agent of its own, as in the engine's sessions: no agent ever has two messages in flight.
const url =
  plan.operation === 'health'
    ? `${plan.url}/v1/health/`
    : `${plan.url}/v1/agents/${agents[__VU % agents.length]}/messages`;
const body = bodies[__VU % bodies.length];
const parameters = {
  headers: plan.headers,
  tags: { name: plan.operation }, // else every agent's address is a time series of its own
};

export const options = {
  scenarios: {
    rival: {
      executor: 'constant-arrival-rate',
      rate: plan.rate,
      timeUnit: '1s',
      duration: `${plan.seconds}s`,
      preAllocatedVUs: plan.users_at_first,
      maxVUs: plan.users,
      gracefulStop: '10s',
    },
  },
  discardResponseBodies: !plan.reads_answers,
  summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max'],
  thresholds: {},
};

function isGood(reply) {
  if (reply.status !== 200) return false;
  if (!plan.reads_answers) return true;
  const answer = JSON.parse(reply.body);
  if (plan.operation === 'health') return typeof answer === 'object';
  return answer.messages.length > 0 && answer.stop_reason.stop_reason === 'end_turn';
}

export default function () {
  parameters.headers['x-request-id'] = `${plan.request_id}-${exec.scenario.iterationInTest}-0`;
  const reply = plan.operation === 'health' ? http.get(url, parameters) : http.post(url, body, parameters);
  if (!isGood(reply)) badAnswers.add(1);
}

export function handleSummary(data) {
  return { [__ENV.BENCH_RESULT]: JSON.stringify(data.metrics) };
}
