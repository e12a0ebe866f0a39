// Package ltsexporter sends log records to Huawei Cloud LTS by its REST interface for records with a time of their own
// ("tenant/contents/high-accuracy"): one JSON object a line.
//
// Queue, batching and retry are those of the collector's exporter helper. Source of the contract: Huawei Cloud,
// LTS user guide, "Reporting High-Precision Logs". It was never tried against the real service.
package ltsexporter
