-- Events of devices, as received over MQTT. (device, stream, sequence) is what makes redelivery harmless.
CREATE TABLE device_events (
  position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  device text NOT NULL,
  stream text NOT NULL,
  sequence bigint NOT NULL,
  type text NOT NULL,
  at_ms bigint NOT NULL,
  received_ms bigint NOT NULL,
  event jsonb NOT NULL,
  PRIMARY KEY (device, stream, sequence)
);
CREATE INDEX device_events_position ON device_events (device, position);

-- Per outbox of a device: every sequence up to `acknowledged` is committed here or was given up by the device.
CREATE TABLE device_streams (
  device text NOT NULL,
  stream text NOT NULL,
  acknowledged bigint NOT NULL,
  PRIMARY KEY (device, stream)
);
