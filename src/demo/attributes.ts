/** The bank's own attributes of customers. */
export const attributes = {
  risk_level: {
    description: 'Risk that the customer can bear, by the last assessment: 1 conservative to 5 aggressive',
    json_schema: { type: 'integer', minimum: 1, maximum: 5 },
    sensitivity: 'internal',
    searchable: true,
  },
  occupation: {
    description: 'What the customer lives from',
    json_schema: {
      type: 'string',
      enum: ['employee', 'civil_servant', 'self_employed', 'professional', 'homemaker', 'student', 'retired'],
    },
    sensitivity: 'internal',
    searchable: true,
  },
  annual_income: {
    description: "Income of a year in the bank's currency, as the customer stated it",
    json_schema: { type: 'string', maxLength: 12, pattern: '^[0-9]{1,12}$' },
    sensitivity: 'sensitive',
    searchable: false,
  },
  industry: {
    description: 'What an organization does',
    json_schema: { type: 'string', maxLength: 60 },
    sensitivity: 'internal',
    searchable: true,
  },
};
